using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;

namespace Microsoft.ML.NaturalGradient.Benchmarks;

/// <summary>Whole operations of a tenth of a second or more, each timed by itself, in this process.</summary>
/// <remarks>In process, because libtorch's threads and memory must be warm, and no second build of the project is needed.</remarks>
internal sealed class QuietConfig : ManualConfig
{
    public QuietConfig()
    {
        Add(DefaultConfig.Instance);
        AddJob(Job.Default.WithToolchain(InProcessNoEmitToolchain.Instance)
            .WithWarmupCount(3).WithIterationCount(15).WithInvocationCount(1).WithUnrollFactor(1));
        AddColumn(StatisticColumn.Median, StatisticColumn.Min);
        WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(40)); // names of methods in full
        WithOptions(ConfigOptions.DisableOptimizationsValidator);
    }
}
