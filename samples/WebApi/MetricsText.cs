using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace WebApiSample;

/// <summary>Keeps the sums of a meter and writes them in the text format of Prometheus. A larger application takes OpenTelemetry's exporter instead.</summary>
internal sealed class MetricsText : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, string> _kinds = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, OrderedDictionary<string, double>> _values = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    /// <summary>Listens from now on.</summary>
    public MetricsText(ServiceMetrics metrics)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == metrics.Meter)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Record(instrument, value, tags, (instrument as Instrument<double>)?.Advice?.HistogramBucketBoundaries));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) =>
            Record(instrument, value, tags, (instrument as Instrument<int>)?.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound)));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Record(instrument, value, tags, null));
        _listener.Start();
    }

    /// <summary>All values as they are now.</summary>
    public override string ToString()
    {
        _listener.RecordObservableInstruments();
        var text = new StringBuilder();
        lock (_gate)
        {
            foreach (var (name, kind) in _kinds)
            {
                text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} {kind}\n");
                foreach (var (series, value) in _values[name])
                {
                    text.Append(CultureInfo.InvariantCulture, $"{series} {value}\n");
                }
            }
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    private void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, IEnumerable<double>? bounds)
    {
        var labels = string.Join(',', tags.ToArray().Select(tag => $"{tag.Key}=\"{tag.Value}\""));
        lock (_gate)
        {
            switch (instrument)
            {
                case Histogram<double> or Histogram<int>:
                    var series = Series(instrument.Name, "histogram");
                    foreach (var bound in (bounds ?? []).Append(double.PositiveInfinity))
                    {
                        var limit = double.IsPositiveInfinity(bound) ? "+Inf" : bound.ToString(CultureInfo.InvariantCulture);
                        Add(series, $"{instrument.Name}_bucket{{{labels},le=\"{limit}\"}}", value <= bound ? 1 : 0);
                    }

                    Add(series, $"{instrument.Name}_sum{{{labels}}}", value);
                    Add(series, $"{instrument.Name}_count{{{labels}}}", 1);
                    break;
                case ObservableGauge<int>:
                    Series(instrument.Name, "gauge")[$"{instrument.Name}{{{labels}}}"] = value;
                    break;
                default:
                    Add(Series($"{instrument.Name}_total", "counter"), $"{instrument.Name}_total{{{labels}}}", value);
                    break;
            }
        }
    }

    private OrderedDictionary<string, double> Series(string name, string kind)
    {
        _kinds[name] = kind;
        return _values.TryGetValue(name, out var series) ? series : _values[name] = new(StringComparer.Ordinal);
    }

    private static void Add(OrderedDictionary<string, double> series, string name, double value) => series[name] = series.GetValueOrDefault(name) + value;
}
