using BenchmarkDotNet.Attributes;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>One iEF step of MiniLM with LoRA on 16 rows of 256 tokens, with attention written out and by the fused kernel.</summary>
public class AttentionBenchmarks : IDisposable
{
    private const int Samples = 16;
    private const int Tokens = 256;

    private Optimizer _optimizer = null!;
    private TextClassifier _model = null!;
    private TokenBatch _batch = null!;
    private Tensor _labels = null!;

    /// <summary>Makes the model and the batch.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        using var files = PretrainedModel.MiniLM.Open();
        _model = new TextClassifier(TextCheckpoint.Load(files).Encoder, 2, Adapters.LoRA, seed: 1);
        _model.SetTraining(true);
        _batch = LoraStepBenchmarks.Batch(Samples, Tokens);
        _labels = tensor(Enumerable.Range(0, Samples).Select(row => (long)(row % 2)).ToArray());
        _optimizer = Optimizers.Ief.Create([.. _model.TrainableParameters.Select(named => named.Value)], 1);
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
        _model.Dispose();
        _batch.Dispose();
        _labels.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Step() => TrainingStep.Run(_model, _batch, _labels, _optimizer);
}
