using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>One training step of MiniLM with LoRA of rank 8 on 32 rows of 64 tokens by each of several optimizers, which a name chooses.</summary>
[Config(typeof(Columns))]
public abstract class NamedStepBenchmarks : IDisposable
{
    private LoraWork _work = null!;
    private Optimizer _optimizer = null!;

    /// <summary>The optimizers to time.</summary>
    public abstract IEnumerable<string> Names { get; }

    /// <summary>The optimizer.</summary>
    [ParamsSource(nameof(Names))]
    public string Name { get; set; } = "";

    /// <summary>Makes the model, the batch and the optimizer.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _work = new LoraWork(samples: 32, tokens: 64);
        _optimizer = OptimizerFamily.Variants[Name].Create(_work.Parameters, 1);
    }

    /// <summary>One step.</summary>
    [Benchmark]
    public void Step() => _work.Step(_optimizer);

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _optimizer.Dispose();
        _work.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed class Columns : ManualConfig
    {
        public Columns() => AddColumn(new RelativeColumn(
            "÷ AdamW", "Mean time divided by that of a step of AdamW", (own, mean) => own / mean(nameof(Optimizers.AdamW))));
    }
}
