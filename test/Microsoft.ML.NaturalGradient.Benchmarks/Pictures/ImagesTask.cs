using System.Diagnostics;
using Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>Pictures in files, and how a classifier of them is trained as a user would.</summary>
internal sealed class ImagesTask
{
    /// <summary>Training rows.</summary>
    public required IReadOnlyList<ImageRow> Training { get; init; }

    /// <summary>Validation rows.</summary>
    public required IReadOnlyList<ImageRow> Validation { get; init; }

    /// <summary>Epochs.</summary>
    public required int Epochs { get; init; }

    /// <summary>Width and height that pictures are resized to.</summary>
    public required int Size { get; init; }

    /// <summary>Trains with mirrored pictures as the only augmentation.</summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="adapter">What is trained besides the head.</param>
    /// <param name="seed">Seed of the context.</param>
    /// <returns>The results.</returns>
    public AccuracyRun Train(OptimizerOptions optimizer, AdapterOptions adapter, int seed)
    {
        var context = new MLContext(seed);
        var key = context.Transforms.Conversion.MapValueToKey("Label");
        var training = context.Data.LoadFromEnumerable(Training);
        var keys = key.Fit(training);
        var recorder = new EpochRecorder();
        var watch = Stopwatch.StartNew();
        var trainer = context.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
        {
            Optimizer = optimizer,
            FeatureColumnName = nameof(ImageRow.ImagePath),
            Epoch = Epochs,
            ImageSize = Size,
            Augmentation = new ImageAugmentation { SmallestArea = 1, Brightness = 0, Contrast = 0, Saturation = 0 },
            ValidationSet = keys.Transform(context.Data.LoadFromEnumerable(Validation)),
            EarlyStoppingCriteria = null,
            Model = PretrainedModel.ViTSmall,
            Adapter = adapter,
            MetricsCallback = recorder.Report,
        });
        using var model = trainer.Fit(keys.Transform(training));
        return recorder.ToRun(watch.Elapsed, Training.Count);
    }
}
