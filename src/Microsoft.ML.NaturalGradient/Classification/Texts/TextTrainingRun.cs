using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of a text trainer's Fit: reads the base model and the rows, and trains.</summary>
/// <param name="environment">Where seed and device come from.</param>
/// <param name="host">The trainer's host.</param>
/// <param name="channel">Where messages go.</param>
/// <param name="options">Checked settings.</param>
/// <param name="columns">The columns.</param>
internal sealed class TextTrainingRun(
    IHostEnvironment environment, IHost host, IChannel channel, TextTrainerOptions options, TextColumns columns) : IDisposable
{
    private readonly FineTuningRun _run = new(environment, host, channel, options.Shared);

    /// <summary>Trains a model.</summary>
    /// <param name="data">Data whose columns were checked.</param>
    /// <param name="task">What is predicted.</param>
    /// <returns>The trained network; owned by the caller.</returns>
    public TextScorer Train(IDataView data, TextTask task)
    {
        using var files = _run.OpenFiles();
        var checkpoint = TextCheckpoint.Load(files);
        TextNetwork? network = null;
        try
        {
            var adapter = options.Adapter.For(checkpoint.Tokenizer);
            var maxTokens = MaxTokens(checkpoint);
            var (training, validation) = ReadRows(data, task, checkpoint, maxTokens);
            _run.WarnOfMissingLabels(task.Target, training.Select(row => row.Label));
            task = task.FitTo([.. training.Select(row => row.Label)]);
            network = task.CreateNetwork(checkpoint, adapter, _run.Seed, useHead: true);
            network.MoveTo(_run.Device);
            var batches = network.ForTraining(Source(training, task, checkpoint));
            _run.Train(
                network, task.Target, batches,
                validation is null ? null : network.ForTraining(Source(validation, task, checkpoint)), files);
            task.Finish(network);
            FineTuningRun.CheckTrained(network, batches);
            var model = new FineTunedModel(
                network, task.Target, adapter.Settings, _run.Base(files, checkpoint.Files, checkpoint.StoredTypes), _run.Device);
            return new TextScorer(model, task, task.RowTokenizer(checkpoint, columns), maxTokens);
        }
        catch
        {
            checkpoint.Network.Dispose();
            network?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _run.Dispose();

    private int MaxTokens(TextCheckpoint checkpoint)
    {
        // The tokenizer's files may say less than the network reads, as those of a model saved here do: what its rows were cut to.
        var limit = options.MaxSequenceLength is null ? checkpoint.MaxTokens : checkpoint.Network.MaxTokens;
        var (most, prompt) = (limit - options.Adapter.PromptLength, options.Adapter.PromptLength);
        if (most < TextTrainerOptions.FewestTokens)
        {
            throw host.Except(
                $"The prompt has {prompt} tokens, but {options.Model} reads at most {limit}, prompt and text together. Use a shorter prompt.");
        }

        if (options.MaxSequenceLength > most)
        {
            throw host.ExceptUserArg(
                nameof(options.MaxSequenceLength),
                $"MaxSequenceLength is {options.MaxSequenceLength}, but {options.Model} reads at most {most} tokens{(prompt > 0 ? " beside the prompt" : "")}.");
        }

        return options.MaxSequenceLength ?? Math.Min((options.Adapter as PretrainedAdapter)?.MaxTokens ?? TextScorer.DefaultMaxTokens, most);
    }

    private (IReadOnlyList<EncodedRow> Training, IReadOnlyList<EncodedRow>? Validation) ReadRows(
        IDataView data, TextTask task, TextCheckpoint checkpoint, int maxTokens)
    {
        var training = ReadRows(data, "training", task, checkpoint, maxTokens);
        if (options.ValidationSet is { } set)
        {
            return (training, ReadRows(set, "validation", task, checkpoint, maxTokens));
        }

        var aside = _run.SetAside(training.Count);
        return aside.Contains(true)
            ? ([.. training.Where((_, row) => !aside[row])], [.. training.Where((_, row) => aside[row])])
            : (training, null);
    }

    private IReadOnlyList<EncodedRow> ReadRows(IDataView data, string purpose, TextTask task, TextCheckpoint checkpoint, int maxTokens)
    {
        var read = TextRows.Read(data, columns, task.Target, task.RowTokenizer(checkpoint, columns), maxTokens, _run.CheckAlive);
        channel.Info($"{read.Rows.Count} {purpose} rows; {read.Unlabelled} skipped without a label; {read.Truncated} cut off after {maxTokens} tokens.");
        if (read.Undecoded > 0)
        {
            channel.Warning($"{read.Undecoded} {purpose} rows have the character U+FFFD in their texts, which stands for bytes that were not UTF-8: "
                + "letters are lost. ML.NET reads text files as UTF-8; save yours in this encoding.");
        }

        _run.CheckRows(read.Rows.Count, read.Unlabelled, purpose, columns.Target.Label);
        return read.Rows;
    }

    private TokenBatchSource Source(IReadOnlyList<EncodedRow> rows, TextTask task, TextCheckpoint checkpoint) => new(
        [.. rows.Select(row => row with { Label = task.Target.ToOutput(row.Label) })],
        options.BatchSize, checkpoint.Tokenizer.PadId, _run.Device, _run.Seed, task.Target.LabelType);
}
