using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of an image trainer's Fit: reads the base model and the pictures, and trains.</summary>
/// <param name="environment">Where seed, device and temporary folder come from.</param>
/// <param name="host">The trainer's host.</param>
/// <param name="channel">Where messages go.</param>
/// <param name="options">Checked settings.</param>
/// <param name="columns">The columns.</param>
internal sealed class ImageTrainingRun(
    IHostEnvironment environment, IHost host, IChannel channel, ImageClassificationTrainer.Options options, ImageColumns columns) : IDisposable
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
            using var cache = new PixelCache(options.CacheMemoryLimit, ((IHostEnvironmentInternal)environment).TempFilePath);
            var still = new PreparedImages(cache, preprocessor, null);
            var changing = still with
            {
                Augmenter = options.Augmentation is { } augmentation ? new ImageAugmenter(augmentation, preprocessor, _run.Seed) : null,
            };
            var (training, validation) = ReadRows(data, target, changing, still);
            _run.WarnOfMissingLabels(target, training.Select(row => row.Label));
            network = new ImageClassifier(checkpoint.Encoder, labels.Count, options.Adapter, _run.Seed, checkpoint.HeadWeights);
            network.MoveTo(_run.Device);
            var batches = Source(training, changing);
            _run.Train(network, target, batches, validation is null ? null : Source(validation, still), files, options.Augmentation);
            FineTuningRun.CheckTrained(network, batches);
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

    /// <inheritdoc/>
    public void Dispose() => _run.Dispose();

    private (IReadOnlyList<ImageExample> Training, IReadOnlyList<ImageExample>? Validation) ReadRows(
        IDataView data, ClassTarget target, PreparedImages changing, PreparedImages still)
    {
        var rows = Rows(data, target, "training");
        if (options.ValidationSet is { } set)
        {
            var others = Rows(set, target, "validation");
            return (rows.Read(rows.Labelled, "training", changing), others.Read(others.Labelled, "validation", still));
        }

        var aside = _run.SetAside(rows.Labelled.Count);
        var training = rows.Read([.. rows.Labelled.Where((_, i) => !aside[i])], "training", changing);
        return (training, aside.Contains(true) ? rows.Read([.. rows.Labelled.Where((_, i) => aside[i])], "validation", still) : null);
    }

    private ImageRows Rows(IDataView data, ClassTarget target, string purpose)
    {
        var rows = new ImageRows(data, columns, target, options.Reading, channel, _run);
        _run.CheckRows(rows.Labelled.Count, rows.Unlabelled, purpose, columns.Target.Label);
        return rows;
    }

    private ImageBatchSource Source(IReadOnlyList<ImageExample> rows, PreparedImages images) =>
        new(rows, images, options.BatchSize, _run.Device, _run.Seed, options.CancellationToken);
}
