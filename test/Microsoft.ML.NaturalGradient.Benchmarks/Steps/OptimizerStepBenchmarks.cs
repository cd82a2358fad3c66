using BenchmarkDotNet.Attributes;
using Perfolizer.Mathematics.OutlierDetection;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>A step of every optimizer but the longest.</summary>
/// <remarks>
/// What is done once in so many steps is counted with its true share: after the first steps, which may do more, ten steps are measured, in which
/// AdaFisher updates its factors once and the KFAC family inverts its factors twice.
/// </remarks>
[WarmupCount(5)]
[IterationCount(10)]
[Outliers(OutlierMode.DontRemove)]
public class OptimizerStepBenchmarks : NamedStepBenchmarks
{
    /// <inheritdoc/>
    public override IEnumerable<string> Names => OptimizerFamily.Variants.Keys.Where(name => !OptimizerFamily.IsLong(name));
}
