using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of an image trainer's Fit: reads the base model and the pictures, and trains.</summary>
/// <param name="run">What is the same for texts.</param>
/// <param name="options">Its settings.</param>
internal sealed class ImageTrainingRun(FineTuningRun run, ImageClassificationTrainer.Options options)
{
    /// <summary>Trains a model.</summary>
    /// <param name="data">Data whose columns were checked.</param>
    /// <param name="labels">The classes.</param>
    /// <returns>The trained network; owned by the caller.</returns>
    public ImageScorer Train(IDataView data, ClassLabels labels)
    {
        using var files = run.OpenFiles(labels.Count);
        var checkpoint = ImageCheckpoint.Load(files);
        ImageClassifier? network = null;
        try
        {
            var preprocessor = checkpoint.ReadPreprocessor(options.ImageSize);
            options.Reading.CheckPatches(preprocessor, checkpoint.Encoder.PatchSize, options.Model);
            var target = new ClassTarget(labels);
            using var cache = new PixelCache(options.CacheMemoryLimit, run.TemporaryFolder);
            var still = new PreparedImages(cache, preprocessor, null);
            var changing = still with
            {
                Augmenter = options.Augmentation is { } augmentation ? new ImageAugmenter(augmentation, preprocessor, run.Seed) : null,
            };
            var (training, validation) = ReadRows(data, target, changing, still);
            run.WarnOfMissingLabels(target, training.Select(row => row.Label));
            if (run.WeighClasses(target, training.Select(row => row.Label)) is { } weigh)
            {
                training = [.. training.Select(row => row with { Label = weigh(row.Label) })];
            }

            network = new ImageClassifier(checkpoint.Encoder, labels.Count, options.Adapter, run.Seed, checkpoint.HeadWeights);
            network.MoveTo(run.Device);
            var batches = Source(training, changing);
            new NetworkTraining(run, network, target).Train(batches, validation is null ? null : Source(validation, still), files, options.Augmentation);
            NetworkTraining.CheckTrained(network, batches);
            var model = new TrainedNetwork(
                network, target, options.Adapter.Settings, run.Base(files, checkpoint.FilesFor(preprocessor), checkpoint.StoredTypes), run.Device);
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
        IDataView data, ClassTarget target, PreparedImages changing, PreparedImages still)
    {
        var rows = Rows(data, target, "training");
        if (options.ValidationSet is { } set)
        {
            var others = Rows(set, target, "validation");
            return (rows.Read(rows.Labelled, true, changing), others.Read(others.Labelled, false, still));
        }

        var (training, validation) = run.Divide(rows.Labelled);
        return (rows.Read(training, true, changing), validation is null || rows.Read(validation, false, still) is not { Count: > 0 } watched ? null : watched);
    }

    private ImageRows Rows(IDataView data, ClassTarget target, string purpose)
    {
        var rows = new ImageRows(data, options.Columns, target, options.Reading, run);
        run.CheckRows(rows.Labelled.Count, rows.Unlabelled, rows.Weightless, purpose);
        return rows;
    }

    // Of several processes, one that stopped by itself in the middle of a pass would be waited for.
    private ImageBatchSource Source(IReadOnlyList<ImageExample> rows, PreparedImages images) => new(
        rows, images, options.FewShot ? rows.Count : options.BatchSize, run.Device, run.Seed,
        run.Members.Group is null ? options.CancellationToken : CancellationToken.None);
}
