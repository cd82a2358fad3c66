using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of an image trainer's Fit: reads the base model and the pictures, and trains.</summary>
/// <param name="environment">Where seed, device and temporary folder come from.</param>
/// <param name="host">The trainer's host.</param>
/// <param name="channel">Where messages go.</param>
/// <param name="options">Checked settings.</param>
/// <param name="columns">The columns.</param>
internal sealed class ImageTrainingRun(
    IHostEnvironment environment, IHost host, IChannel channel, ImageClassificationTrainer.Options options, ImageColumns columns)
{
    private readonly FineTuningRun _run = new(environment, host, channel, options.Shared);

    /// <summary>Trains a model.</summary>
    /// <param name="data">Data whose columns were checked.</param>
    /// <param name="labels">The classes.</param>
    /// <returns>The trained network; owned by the caller.</returns>
    public ImageScorer Train(IDataView data, ClassLabels labels)
    {
        using var files = _run.OpenFiles();
        var checkpoint = ImageCheckpoint.Load(files);
        ImageClassifier? network = null;
        try
        {
            var preprocessor = checkpoint.ReadPreprocessor(options.ImageSize);
            options.Reading.CheckPatches(preprocessor, checkpoint.Encoder.PatchSize, options.Model);
            var target = new ClassTarget(labels);
            var augmenter = options.Augmentation is { } augmentation ? new ImageAugmenter(augmentation, preprocessor, _run.Seed) : null;
            using var cache = new PixelCache(options.CacheMemoryLimit, ((IHostEnvironmentInternal)environment).TempFilePath);
            var (training, validation) = ReadRows(data, target, preprocessor, augmenter, cache);
            network = new ImageClassifier(checkpoint.Encoder, labels.Count, options.Adapter, _run.Seed, checkpoint.HeadWeights);
            network.MoveTo(_run.Device);
            _run.Train(
                network, target, Source(training, cache, preprocessor, augmenter),
                validation is null ? null : Source(validation, cache, preprocessor, null));
            var model = new FineTunedModel(
                network, target, options.Adapter.Settings, _run.Base(files, checkpoint.FilesFor(preprocessor), checkpoint.StoredTypes), _run.Device);
            return new ImageScorer(model, preprocessor, options.Reading);
        }
        catch
        {
            checkpoint.Encoder.Dispose();
            network?.Dispose();
            throw;
        }
    }

    private (IReadOnlyList<ImageExample> Training, IReadOnlyList<ImageExample>? Validation) ReadRows(
        IDataView data, ClassTarget target, ImagePreprocessor preprocessor, ImageAugmenter? augmenter, PixelCache cache)
    {
        var rows = new ImageRows(data, columns, target, options.Reading, channel, _run.CheckAlive, options.CancellationToken);
        var wanted = rows.Labelled;
        _run.CheckRows(wanted.Count, rows.Unlabelled, "training", columns.Target.Label);
        Func<RgbImage, RgbImage> prepare = augmenter is null ? preprocessor.Prepare : augmenter.Prepare;
        if (options.ValidationSet is { } set)
        {
            var others = new ImageRows(set, columns, target, options.Reading, channel, _run.CheckAlive, options.CancellationToken);
            _run.CheckRows(others.Labelled.Count, others.Unlabelled, "validation", columns.Target.Label);
            return (rows.Read(wanted, "training", prepare, cache), others.Read(others.Labelled, "validation", preprocessor.Prepare, cache));
        }

        var aside = _run.SetAside(wanted.Count);
        if (!aside.Contains(true))
        {
            return (rows.Read(wanted, "training", prepare, cache), null);
        }

        return (
            rows.Read([.. wanted.Where((_, i) => !aside[i])], "training", prepare, cache),
            rows.Read([.. wanted.Where((_, i) => aside[i])], "validation", preprocessor.Prepare, cache));
    }

    private ImageBatchSource Source(
        IReadOnlyList<ImageExample> rows, PixelCache cache, ImagePreprocessor preprocessor, ImageAugmenter? augmenter) => new(
        rows, cache, preprocessor, augmenter, options.BatchSize, _run.Device, _run.Seed, cancellation: options.CancellationToken);
}
