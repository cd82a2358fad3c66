using BenchmarkDotNet.Attributes;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>A step of the optimizers that take many passes, and of AdamW for comparison.</summary>
[WarmupCount(0)]
[IterationCount(2)]
public class LongOptimizerStepBenchmarks : NamedStepBenchmarks
{
    /// <inheritdoc/>
    public override IEnumerable<string> Names => OptimizerFamily.Variants.Keys.Where(OptimizerFamily.IsLong).Prepend(nameof(Optimizers.AdamW));
}
