using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Training;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of a text trainer's Fit: reads the base model and the rows, trains, and reports.</summary>
/// <param name="environment">Where seed and device come from.</param>
/// <param name="host">The trainer's host.</param>
/// <param name="channel">Where messages go.</param>
/// <param name="options">Checked settings.</param>
/// <param name="columns">The columns.</param>
internal sealed class TextTrainingRun(
    IHostEnvironment environment, IHost host, IChannel channel, TextTrainerOptions options, TextColumns columns)
{
    private readonly int _seed = ((IHostEnvironmentInternal)environment).Seed ?? host.Rand.Next();

    /// <summary>Trains a model.</summary>
    /// <param name="data">Data whose columns were checked.</param>
    /// <param name="task">What is predicted.</param>
    /// <returns>The trained network; owned by the caller.</returns>
    public TextScorer Train(IDataView data, TextTask task)
    {
        var device = ComputeDevice.Choose(environment, message => channel.Warning(message));
        using var files = options.Adapter.Open(options.Model.Open(ReportDownload, options.CancellationToken));
        var checkpoint = TextCheckpoint.Load(files);
        TextNetwork? network = null;
        try
        {
            var adapter = options.Adapter.For(checkpoint.Tokenizer);
            var maxTokens = MaxTokens(checkpoint);
            var (training, validation) = ReadRows(data, task, checkpoint, maxTokens);
            task = task.FitTo(training);
            network = task.CreateNetwork(checkpoint, adapter, _seed, useHead: true);
            foreach (var warning in network.Warnings)
            {
                channel.Warning(warning);
            }

            network.MoveTo(device);
            Run(
                network, task, Source(training, task, checkpoint, device),
                validation is null ? null : Source(validation, task, checkpoint, device));
            task.Finish(network);
            var fingerprint = options.SaveBaseModel ? null : BaseFingerprint.Compute(files);
            var source = new ModelBase(
                options.Model.ToString(), fingerprint, checkpoint.Files, checkpoint.StoredTypes, adapter.BaseModelName ?? options.Model.Location);
            return new TextScorer(network, task.RowTokenizer(checkpoint, columns), maxTokens, task, adapter.Settings, source, device);
        }
        catch
        {
            checkpoint.Network.Dispose();
            network?.Dispose();
            throw;
        }
    }

    private int MaxTokens(TextCheckpoint checkpoint)
    {
        var (most, prompt) = (checkpoint.MaxTokens - options.Adapter.PromptLength, options.Adapter.PromptLength);
        if (most < TextTrainerOptions.FewestTokens)
        {
            throw host.Except(
                $"The prompt has {prompt} tokens, but {options.Model} reads at most {checkpoint.MaxTokens}, prompt and text together. Use a shorter prompt.");
        }

        if (options.MaxSequenceLength > most)
        {
            throw host.ExceptUserArg(
                nameof(options.MaxSequenceLength),
                $"MaxSequenceLength is {options.MaxSequenceLength}, but {options.Model} reads at most {most} tokens{(prompt > 0 ? " beside the prompt" : "")}.");
        }

        return options.MaxSequenceLength ?? Math.Min(TextScorer.DefaultMaxTokens, most);
    }

    private (IReadOnlyList<EncodedRow> Training, IReadOnlyList<EncodedRow>? Validation) ReadRows(
        IDataView data, TextTask task, TextCheckpoint checkpoint, int maxTokens)
    {
        var training = ReadRows(data, "training", task, checkpoint, maxTokens);
        if (options.ValidationSet is { } set)
        {
            return (training, ReadRows(set, "validation", task, checkpoint, maxTokens));
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

    private IReadOnlyList<EncodedRow> ReadRows(IDataView data, string purpose, TextTask task, TextCheckpoint checkpoint, int maxTokens)
    {
        var read = TextRows.Read(data, columns, task, task.RowTokenizer(checkpoint, columns), maxTokens, CheckAlive);
        channel.Info($"{read.Rows.Count} {purpose} rows; {read.Unlabelled} skipped without a label; {read.Truncated} cut off after {maxTokens} tokens.");
        return read.Rows.Count > 0 ? read.Rows : throw host.Except(
            read.Unlabelled == 0
                ? $"The {purpose} data are empty. Check the file and its separator."
                : $"All {read.Unlabelled} {purpose} rows have a missing label. Check the column '{columns.Label}'.");
    }

    private TokenBatchSource Source(IReadOnlyList<EncodedRow> rows, TextTask task, TextCheckpoint checkpoint, Device device) => new(
        [.. rows.Select(row => row with { Label = task.Target(row.Label) })],
        options.BatchSize, checkpoint.Tokenizer.PadId, device, _seed, task.LabelType);

    private void Run(TextNetwork network, TextTask task, TokenBatchSource training, TokenBatchSource? validation)
    {
        channel.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Model}, {options.Adapter.Description}, {network.TrainableParameters.Sum(named => named.Value.numel())} trained weights; "
            + $"{options.Optimizer.Name}, learning rate {options.Optimizer.ResolveLearningRate(task.OutputCount):G4}, batches of {options.BatchSize}, seed {_seed}."));
        var settings = new TrainingSettings
        {
            Optimizer = options.Optimizer,
            ClassCount = task.OutputCount,
            EpochCount = options.MaxEpoch,
            Seed = _seed,
            EarlyStopping = options.EarlyStopping is { WatchAccuracy: false } stopping
                ? stopping with { MinDelta = task.ObjectiveUnits(stopping.MinDelta) }
                : options.EarlyStopping,
            CheckAlive = CheckAlive,
            Report = progress => Report(task.Present(progress)),
        };
        var result = new TrainingLoop(network, task.Objective, settings).Run(
            network.ForTraining(training), validation is null ? null : network.ForTraining(validation));
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
            var validation = progress.ValidationLoss is { } loss ? $"; validation {Describe(loss, progress.ValidationAccuracy)}" : "";
            channel.Info(string.Create(
                CultureInfo.InvariantCulture,
                $"Epoch {progress.Epoch}/{progress.EpochCount}: {Describe(progress.Loss, progress.Accuracy)}{validation}; "
                + $"{progress.RowsPerSecond:F0} rows/s, {progress.TimeLeft:hh\\:mm\\:ss} left."));
            if (progress.DampingRaised > 0)
            {
                channel.Warning(
                    $"In epoch {progress.Epoch} the damping had to be multiplied by ten {progress.DampingRaised} times before a step could be "
                    + "solved. Raise Damping if this goes on.");
            }
        }

        options.MetricsCallback?.Invoke(progress);
    }

    private static string Describe(double loss, double? accuracy) => accuracy is null
        ? string.Create(CultureInfo.InvariantCulture, $"mean squared error {loss:G4}")
        : string.Create(CultureInfo.InvariantCulture, $"loss {loss:F4}, accuracy {accuracy:F4}");

    private void ReportDownload(string line)
    {
        CheckAlive();
        channel.Info(line);
    }

    private void CheckAlive()
    {
        host.CheckAlive();
        options.CancellationToken.ThrowIfCancellationRequested();
    }
}
