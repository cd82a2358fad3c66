using BenchmarkDotNet.Attributes;
using Microsoft.ML.NaturalGradient.Models.Layers;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>One iEF step of MiniLM with LoRA on 16 rows of 256 tokens, with attention written out and by the fused kernel.</summary>
public class AttentionBenchmarks : IDisposable
{
    private LoraWork _work = null!;
    private Optimizer _optimizer = null!;

    /// <summary>Makes the model and the batch.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _work = new LoraWork(samples: 16, tokens: 256);
        _optimizer = Optimizers.Ief.Create(_work.Parameters, 1);
    }

    /// <summary>Written out.</summary>
    [Benchmark(Baseline = true)]
    public void Explicit()
    {
        using var forced = MultiHeadAttention.ForceExplicit();
        Step();
    }

    /// <summary>By the kernel that is used from 128 tokens on.</summary>
    [Benchmark]
    public void Fused() => Step();

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _optimizer.Dispose();
        _work.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Step() => _work.Step(_optimizer);
}
