using BenchmarkDotNet.Attributes;
using Microsoft.ML.NaturalGradient.Benchmarks.Steps;
using Microsoft.ML.NaturalGradient.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>One training step of the embedded image encoder with LoRA of rank 8 on 16 pictures of 224 × 224, by optimizer.</summary>
public class PictureStepBenchmarks : IDisposable
{
    private const int Samples = 16;
    private const int Size = 224;
    private const int Classes = 10;

    private Optimizer _adamW = null!;
    private Optimizer _ief = null!;
    private ImageClassifier _model = null!;
    private PixelBatch _batch = null!;
    private Tensor _labels = null!;
    private MatrixProducts _products = null!;

    /// <summary>Makes the model, the batch and the optimizers.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _model = SmallVisionModel.Create(Classes, Adapters.LoRA);
        _model.SetTraining(true);
        _batch = SmallVisionModel.Batch(Samples, Size);
        _labels = tensor(Enumerable.Range(0, Samples).Select(row => (long)(row % Classes)).ToArray());
        _products = new MatrixProducts(
            Samples, SmallVisionModel.Tokens(Size), SmallVisionModel.Layers, SmallVisionModel.Width, SmallVisionModel.Inner,
            SmallVisionModel.Heads, rank: 8, patch: 3 * SmallVisionModel.PatchSize * SmallVisionModel.PatchSize);
        var parameters = _model.TrainableParameters.Select(named => named.Value).ToArray();
        _adamW = Optimizers.AdamW.Create(parameters, 1);
        _ief = Optimizers.Ief.Create(parameters, 1);
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
    public void AdamW() => Step(_adamW);

    /// <summary>iEF.</summary>
    [Benchmark]
    public void Ief() => Step(_ief);

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _adamW.Dispose();
        _ief.Dispose();
        _model.Dispose();
        _batch.Dispose();
        _labels.Dispose();
        _products.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Step(Optimizer optimizer) => TrainingStep.Run(_model, _batch, _labels, optimizer);
}
