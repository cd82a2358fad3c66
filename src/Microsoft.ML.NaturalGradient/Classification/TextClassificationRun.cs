using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Training;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of <see cref="TextClassificationTrainer.Fit"/>: reads the base model and the rows, trains, and reports.</summary>
/// <param name="environment">Where seed and device come from.</param>
/// <param name="host">The trainer's host.</param>
/// <param name="channel">Where messages go.</param>
/// <param name="options">Checked settings.</param>
/// <param name="columns">The columns.</param>
internal sealed class TextClassificationRun(
    IHostEnvironment environment, IHost host, IChannel channel, TextClassificationTrainer.Options options, TextColumns columns)
{
    private const int DefaultMaxTokens = 256;

    private readonly int _seed = ((IHostEnvironmentInternal)environment).Seed ?? host.Rand.Next();

    /// <summary>Trains a model.</summary>
    /// <param name="data">Data whose columns were checked.</param>
    /// <returns>The model; owned by the caller.</returns>
    public TextClassificationModel Train(IDataView data)
    {
        var labels = ClassLabels.Read(data.Schema[columns.Label]);
        CheckValidationLabels(labels);
        var device = ComputeDevice.Choose(environment, message => channel.Warning(message));
        using var files = options.Model.Open();
        var checkpoint = TextCheckpoint.Load(files);
        TextClassifier? classifier = null;
        try
        {
            var maxTokens = MaxTokens(checkpoint.Encoder);
            var (training, validation) = ReadRows(data, checkpoint, maxTokens);
            classifier = new TextClassifier(checkpoint.Encoder, labels.Count, options.Adapter, _seed, checkpoint.HeadWeights);
            classifier.MoveTo(device);
            Run(classifier, labels.Count, Source(training, checkpoint, device), validation is null ? null : Source(validation, checkpoint, device));
            var fingerprint = options.SaveBaseModel ? null : BaseFingerprint.Compute(files);
            var source = new ModelBase(options.Model.ToString(), fingerprint, checkpoint.Files, checkpoint.StoredTypes);
            return new TextClassificationModel(classifier, checkpoint.Tokenizer, maxTokens, labels, options.Adapter, source, device);
        }
        catch
        {
            checkpoint.Encoder.Dispose();
            classifier?.Dispose();
            throw;
        }
    }

    private void CheckValidationLabels(ClassLabels labels)
    {
        if (options.ValidationSet is { } validation && !ClassLabels.Read(validation.Schema[columns.Label]).Matches(labels))
        {
            throw new InvalidOperationException(
                $"The label column '{columns.Label}' of the validation set has other classes, or another order of them, than that of the "
                + "training rows. Let the same fitted MapValueToKey transform both.");
        }
    }

    private int MaxTokens(TextEncoder encoder)
    {
        if (options.MaxSequenceLength > encoder.MaxTokens)
        {
            throw host.ExceptUserArg(
                nameof(options.MaxSequenceLength),
                $"MaxSequenceLength is {options.MaxSequenceLength}, but {options.Model} reads at most {encoder.MaxTokens} tokens.");
        }

        return options.MaxSequenceLength ?? Math.Min(DefaultMaxTokens, encoder.MaxTokens);
    }

    private (IReadOnlyList<EncodedRow> Training, IReadOnlyList<EncodedRow>? Validation) ReadRows(
        IDataView data, TextCheckpoint checkpoint, int maxTokens)
    {
        var training = ReadRows(data, "training", checkpoint, maxTokens);
        if (options.ValidationSet is { } set)
        {
            return (training, ReadRows(set, "validation", checkpoint, maxTokens));
        }

        if (options.ValidationSetFraction == 0)
        {
            return (training, null);
        }

        if (training.Count < 2)
        {
            throw host.Except($"There is {training.Count} training row, which cannot be divided into training and validation rows.");
        }

        var shuffled = training.ToArray();
        new Random(_seed).Shuffle(shuffled);
        var held = Math.Clamp((int)Math.Round(shuffled.Length * options.ValidationSetFraction), 1, shuffled.Length - 1);
        return (shuffled[held..], shuffled[..held]);
    }

    private IReadOnlyList<EncodedRow> ReadRows(IDataView data, string purpose, TextCheckpoint checkpoint, int maxTokens)
    {
        var read = TextRows.Read(data, columns, checkpoint.Tokenizer, maxTokens, CheckAlive);
        channel.Info($"{read.Rows.Count} {purpose} rows; {read.Unlabelled} skipped without a label; {read.Truncated} cut off after {maxTokens} tokens.");
        return read.Rows.Count > 0 ? read.Rows : throw host.Except(
            read.Unlabelled == 0
                ? $"The {purpose} data are empty. Check the file and its separator."
                : $"All {read.Unlabelled} {purpose} rows have a missing label. Check the column '{columns.Label}'.");
    }

    private TokenBatchSource Source(IReadOnlyList<EncodedRow> rows, TextCheckpoint checkpoint, Device device) =>
        new(rows, options.BatchSize, checkpoint.Tokenizer.PadId, device, _seed);

    private void Run(TextClassifier classifier, int classCount, TokenBatchSource training, TokenBatchSource? validation)
    {
        channel.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Model}, {options.Adapter.Description}, {classifier.TrainableParameters.Sum(named => named.Value.numel())} trained weights; "
            + $"{options.Optimizer.Name}, learning rate {options.Optimizer.ResolveLearningRate(classCount):G4}, batches of {options.BatchSize}, seed {_seed}."));
        var settings = new TrainingSettings
        {
            Optimizer = options.Optimizer,
            ClassCount = classCount,
            EpochCount = options.MaxEpoch,
            Seed = _seed,
            EarlyStopping = options.EarlyStopping,
            CheckAlive = CheckAlive,
            Report = Report,
        };
        var result = new TrainingLoop(classifier, new SoftmaxCrossEntropy(), settings).Run(training, validation);
        if (result.Failure is { } failure)
        {
            channel.Warning(failure);
        }
        else if (options.EarlyStopping is not null)
        {
            channel.Info($"The model has the weights of epoch {result.BestEpoch}.");
        }
    }

    private void Report(TrainingProgress progress)
    {
        if (progress.EndOfEpoch)
        {
            var validation = progress.ValidationLoss is null ? "" : string.Create(
                CultureInfo.InvariantCulture, $"; validation loss {progress.ValidationLoss:F4}, accuracy {progress.ValidationAccuracy:F4}");
            channel.Info(string.Create(
                CultureInfo.InvariantCulture,
                $"Epoch {progress.Epoch}/{progress.EpochCount}: loss {progress.Loss:F4}, accuracy {progress.Accuracy:F4}{validation}; "
                + $"{progress.RowsPerSecond:F0} rows/s, {progress.TimeLeft:hh\\:mm\\:ss} left."));
        }

        options.MetricsCallback?.Invoke(progress);
    }

    private void CheckAlive()
    {
        host.CheckAlive();
        options.CancellationToken.ThrowIfCancellationRequested();
    }
}
