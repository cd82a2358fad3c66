using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>A number made from the mean times of several cases of one benchmark, which are told apart by the parameter <c>Name</c>.</summary>
/// <param name="name">Heading.</param>
/// <param name="legend">What it is.</param>
/// <param name="compute">Computes the number from the case's own mean time and a look-up of the others'; NaN where one is missing.</param>
internal sealed class RelativeColumn(string name, string legend, Func<double, Func<string, double>, double> compute) : IColumn
{
    /// <inheritdoc/>
    public string Id => $"{nameof(RelativeColumn)}.{name}";

    /// <inheritdoc/>
    public string ColumnName => name;

    /// <inheritdoc/>
    public bool AlwaysShow => true;

    /// <inheritdoc/>
    public ColumnCategory Category => ColumnCategory.Custom;

    /// <inheritdoc/>
    public int PriorityInCategory => 0;

    /// <inheritdoc/>
    public bool IsNumeric => true;

    /// <inheritdoc/>
    public UnitType UnitType => UnitType.Dimensionless;

    /// <inheritdoc/>
    public string Legend => legend;

    /// <inheritdoc/>
    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    /// <inheritdoc/>
    public bool IsAvailable(Summary summary) => true;

    /// <inheritdoc/>
    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        var means = summary.Reports.Where(report => report.ResultStatistics is not null)
            .ToDictionary(report => NameOf(report.BenchmarkCase), report => report.ResultStatistics!.Mean, StringComparer.Ordinal);
        double Mean(string key) => means.GetValueOrDefault(key, double.NaN);
        return compute(Mean(NameOf(benchmarkCase)), Mean).ToString("F2", CultureInfo.InvariantCulture);
    }

    /// <inheritdoc/>
    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    private static string NameOf(BenchmarkCase benchmarkCase) => (string)benchmarkCase.Parameters["Name"];
}
