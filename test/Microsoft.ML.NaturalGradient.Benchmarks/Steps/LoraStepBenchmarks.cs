using BenchmarkDotNet.Attributes;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>One training step of MiniLM (6 layers, 384 wide) with LoRA of rank 8 on 32 rows of 64 tokens, by optimizer.</summary>
public class LoraStepBenchmarks : IDisposable
{
    private const int Samples = 32;
    private const int Tokens = 64;

    private readonly Dictionary<string, Optimizer> _optimizers = [];
    private LoraWork _work = null!;
    private MatrixProducts _products = null!;

    /// <summary>Makes the model, the batch and one optimizer of each kind.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _work = new LoraWork(Samples, Tokens);
        _products = new MatrixProducts(Samples, Tokens, layers: 6, width: 384, inner: 1536, heads: 12, rank: 8);
        foreach (OptimizerOptions options in new OptimizerOptions[] { Optimizers.AdamW, Optimizers.Sgd, Optimizers.Ief, Optimizers.Ef, Optimizers.Sf })
        {
            _optimizers.Add(options.Name, options.Create(_work.Parameters, 1));
        }
    }

    /// <summary>The floor.</summary>
    [Benchmark(Baseline = true)]
    public void MatrixProductsOnly()
    {
        using var noGrad = no_grad();
        _products.Run();
    }

    /// <summary>AdamW.</summary>
    [Benchmark]
    public void AdamW() => Step("AdamW");

    /// <summary>SGD.</summary>
    [Benchmark]
    public void Sgd() => Step("SGD");

    /// <summary>iEF.</summary>
    [Benchmark]
    public void Ief() => Step("iEF");

    /// <summary>EF.</summary>
    [Benchmark]
    public void Ef() => Step("EF");

    /// <summary>SF with one draw.</summary>
    [Benchmark]
    public void Sf() => Step("SF");

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        foreach (var optimizer in _optimizers.Values)
        {
            optimizer.Dispose();
        }

        _work.Dispose();
        _products.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Step(string name) => _work.Step(_optimizers[name]);
}
