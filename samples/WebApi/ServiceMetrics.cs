using System.Diagnostics.Metrics;

namespace WebApiSample;

/// <summary>What the service counts; any listener of System.Diagnostics.Metrics reads it, such as <c>dotnet-counters</c> or OpenTelemetry.</summary>
internal sealed class ServiceMetrics
{
    public const string MeterName = "WebApiSample";

    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly Histogram<int> _batchSize;
    private readonly Counter<long> _swaps;

    public ServiceMetrics(IMeterFactory factory)
    {
        Meter = factory.Create(MeterName);
        _requests = Meter.CreateCounter<long>("predictions", description: "Requests by model and outcome.");
        _duration = Meter.CreateHistogram("prediction_seconds", "s", "Time of a request: waiting and scoring.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5] });
        _batchSize = Meter.CreateHistogram("batch_size", description: "Requests of a forward pass.",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32] });
        _swaps = Meter.CreateCounter<long>("model_loads", description: "Files that were loaded or refused.");
    }

    /// <summary>The meter of these.</summary>
    public Meter Meter { get; }

    /// <summary>Shows how many requests wait for a model.</summary>
    public void ObserveWaiting(string model, Func<int> waiting) =>
        Meter.CreateObservableGauge("waiting_requests", () => new Measurement<int>(waiting(), new KeyValuePair<string, object?>("model", model)));

    /// <summary>A request has ended.</summary>
    public void Requested(string model, string outcome, TimeSpan time)
    {
        _requests.Add(1, new("model", model), new("outcome", outcome));
        _duration.Record(time.TotalSeconds, new KeyValuePair<string, object?>("model", model));
    }

    /// <summary>A forward pass begins.</summary>
    public void Scoring(string model, int count) => _batchSize.Record(count, new KeyValuePair<string, object?>("model", model));

    /// <summary>A file was loaded or refused.</summary>
    public void Swapped(string model, string outcome) => _swaps.Add(1, new("model", model), new("outcome", outcome));
}
