using BenchmarkDotNet.Attributes;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>One training step of MiniLM (6 layers, 384 wide) with LoRA of rank 8 on 32 rows of 64 tokens, by optimizer.</summary>
public class LoraStepBenchmarks : IDisposable
{
    private const int Samples = 32;
    private const int Tokens = 64;

    private readonly Dictionary<string, Optimizer> _optimizers = [];
    private TextClassifier _model = null!;
    private TokenBatch _batch = null!;
    private Tensor _labels = null!;
    private MatrixProducts _products = null!;

    /// <summary>Makes the model, the batch and one optimizer of each kind.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        using var files = PretrainedModel.MiniLM.Open();
        _model = new TextClassifier(TextCheckpoint.Load(files).Encoder, 2, Adapters.LoRA, seed: 1);
        _model.SetTraining(true);
        _batch = Batch(Samples, Tokens);
        _labels = tensor(Enumerable.Range(0, Samples).Select(row => (long)(row % 2)).ToArray());
        _products = new MatrixProducts(Samples, Tokens, layers: 6, width: 384, inner: 1536, heads: 12, rank: 8);
        var parameters = _model.TrainableParameters.Select(named => named.Value).ToArray();
        foreach (OptimizerOptions options in new OptimizerOptions[] { Optimizers.AdamW, Optimizers.Sgd, Optimizers.Ief, Optimizers.Ef, Optimizers.Sf })
        {
            _optimizers.Add(options.Name, options.Create(parameters, 1));
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

        _model.Dispose();
        _batch.Dispose();
        _labels.Dispose();
        _products.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes rows of random words without padding.</summary>
    /// <param name="samples">Rows.</param>
    /// <param name="tokens">Tokens of each.</param>
    internal static TokenBatch Batch(int samples, int tokens)
    {
        var random = new Random(1);
        var rows = Enumerable.Range(0, samples).Select(_ => new Tokenization.TokenSequence(
            [.. Enumerable.Range(0, tokens).Select(_ => random.Next(1000, 30000))], null, false)).ToArray();
        return TokenBatchSource.Collate(rows, 0, CPU);
    }

    private void Step(string name) => TrainingStep.Run(_model, _batch, _labels, _optimizers[name]);
}
