using BenchmarkDotNet.Attributes;
using Microsoft.ML.NaturalGradient.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>16 pictures of 224 × 224 through the embedded image encoder; times are those of one picture.</summary>
public class PictureScoringBenchmarks : IDisposable
{
    private const int Count = 16;
    private const int Size = 224;

    private ImageClassifier _model = null!;
    private PixelBatch _batch = null!;
    private PixelBatch _single = null!;

    /// <summary>Makes the model and the pictures.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _model = SmallVisionModel.Create(10, Adapters.LoRA);
        _model.SetTraining(false);
        _batch = SmallVisionModel.Batch(Count, Size);
        _single = SmallVisionModel.Batch(1, Size);
    }

    /// <summary>One picture at a time.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Count)]
    public void OneAtATime()
    {
        for (var i = 0; i < Count; i++)
        {
            Forward(_single);
        }
    }

    /// <summary>In one batch.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public void Batched() => Forward(_batch);

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _model.Dispose();
        _batch.Dispose();
        _single.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Forward(PixelBatch batch)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _ = _model.Forward(batch);
    }
}
