using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of a text trainer's Fit: reads the base model and the rows, and trains.</summary>
/// <param name="run">What is the same for pictures.</param>
/// <param name="options">Its settings.</param>
internal sealed class TextTrainingRun(FineTuningRun run, TextTrainerOptions options)
{
    private readonly TextColumns _columns = options.Columns;

    /// <summary>Trains a model.</summary>
    /// <param name="data">Data whose columns were checked.</param>
    /// <param name="task">What is predicted.</param>
    /// <returns>The trained network; owned by the caller.</returns>
    public TextScorer Train(IDataView data, TextTask task)
    {
        using var files = run.OpenFiles(task.Target.OutputCount);
        var checkpoint = task.Load(files);
        TextNetwork? network = null;
        try
        {
            var adapter = options.Adapter.For(checkpoint.Tokenizer);
            var maxTokens = MaxTokens(checkpoint);
            var (training, validation) = ReadRows(data, task, checkpoint, maxTokens);
            run.WarnOfMissingLabels(task.Target, training.Select(row => row.Label));
            if (run.WeighClasses(task.Target, training.Select(row => row.Label)) is { } weigh)
            {
                training = [.. training.Select(row => row with { Label = weigh(row.Label) })];
            }

            task = task.FitTo([.. training.Select(row => row.Label)]);
            network = task.CreateNetwork(checkpoint, adapter, run.Seed, useHead: true);
            network.MoveTo(run.Device);
            var batches = network.ForTraining(Source(training, task, checkpoint, options.FewShot ? training.Count : options.BatchSize));
            new NetworkTraining(run, network, task.Target).Train(
                batches, validation is null ? null : network.ForTraining(Source(validation, task, checkpoint, options.BatchSize)), files);
            task.Finish(network);
            NetworkTraining.CheckTrained(network, batches);
            if (task.WantsValidation && validation is not null)
            {
                task = Calibrate(network, task, Source(validation, task, checkpoint, options.BatchSize));
            }

            var model = new TrainedNetwork(
                network, task.Target, adapter.Settings, run.Base(files, checkpoint.Files, checkpoint.StoredTypes), run.Device);
            return new TextScorer(model, task, task.Encoding(checkpoint, _columns, maxTokens));
        }
        catch
        {
            checkpoint.Network.Dispose();
            network?.Dispose();
            throw;
        }
    }

    private TextTask Calibrate(TextNetwork network, TextTask task, TokenBatchSource rows)
    {
        if (rows.SampleCount < EarlyStopping.FewestRows)
        {
            run.Warn($"Validation rows: {rows.SampleCount}, too few to choose a temperature or thresholds by ({EarlyStopping.FewestRows} are enough). Probabilities and thresholds stay as they are.");
            return task;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (outputs, labels, weights) = (new List<Tensor>(), new List<Tensor>(), new List<Tensor>());
        foreach (var batch in rows.Ordered())
        {
            using var owned = batch;
            using var inner = NewDisposeScope();
            run.CheckAlive();
            outputs.Add(network.Outputs((TokenBatch)batch.Input).MoveToOuterDisposeScope());
            labels.Add(batch.Labels.clone().MoveToOuterDisposeScope());
            weights.AddRange(batch.Weights is { } some ? [some.clone().MoveToOuterDisposeScope()] : []);
        }

        return task.Calibrate(cat(outputs), cat(labels), weights.Count > 0 ? cat(weights) : null, run.Info, run.Warn);
    }

    private int MaxTokens(TextCheckpoint checkpoint)
    {
        // The tokenizer's files may say less than the network reads, as those of a model saved here do: what its rows were cut to.
        var limit = options.MaxSequenceLength is null ? checkpoint.MaxTokens : checkpoint.Network.MaxTokens;
        var (most, prompt) = (limit - options.Adapter.PromptLength, options.Adapter.PromptLength);
        if (most < TextTrainerOptions.FewestTokens)
        {
            throw run.Host.Except(
                $"The prompt has {prompt} tokens, but {run.Model} reads at most {limit}, prompt and text together. Use a shorter prompt.");
        }

        if (options.MaxSequenceLength > most)
        {
            throw run.Host.ExceptUserArg(
                nameof(options.MaxSequenceLength),
                $"MaxSequenceLength is {options.MaxSequenceLength}, but {run.Model} reads at most {most} tokens{(prompt > 0 ? " beside the prompt" : "")}.");
        }

        return options.MaxSequenceLength ?? Math.Min((options.Adapter as PretrainedAdapter)?.MaxTokens ?? TextScorer.DefaultMaxTokens, most);
    }

    private (IReadOnlyList<EncodedRow> Training, IReadOnlyList<EncodedRow>? Validation) ReadRows(
        IDataView data, TextTask task, TextCheckpoint checkpoint, int maxTokens)
    {
        var encoding = task.Encoding(checkpoint, _columns, maxTokens);
        var all = ReadRows(data, "training", task, encoding);
        var (training, validation) = options.ValidationSet is { } set ? (all, ReadRows(set, "validation", task, encoding)) : run.Divide(all);
        return ([.. training.SelectMany(windows => windows)], validation is null ? null : [.. validation.SelectMany(windows => windows)]);
    }

    private IReadOnlyList<IReadOnlyList<EncodedRow>> ReadRows(IDataView data, string purpose, TextTask task, TextEncoding encoding)
    {
        var own = TextRows.Read(data, _columns, task, encoding, run.CheckAlive);
        var read = run.OfAllProcesses(own, task.Target, own.OfAll);
        run.Info(
            $"{read.Rows.Count} {purpose} rows; {read.Unlabelled} skipped without a label{(read.Weightless > 0 ? $", {read.Weightless} of weight 0" : "")}; "
            + $"{read.Truncated} cut off after {encoding.MaxTokens} tokens.");
        if (read.Undecoded > 0)
        {
            run.Warn($"{read.Undecoded} {purpose} rows have the character U+FFFD in their texts, which stands for bytes that were not UTF-8: "
                + "letters are lost. ML.NET reads text files as UTF-8; save yours in this encoding.");
        }

        run.CheckRows(read.Rows.Count, read.Unlabelled, read.Weightless, purpose);
        return read.Rows;
    }

    private TokenBatchSource Source(IReadOnlyList<EncodedRow> rows, TextTask task, TextCheckpoint checkpoint, int batchSize) => new(
        [.. rows.Select(row => row with { Label = task.Target.ToOutput(row.Label) })],
        batchSize, checkpoint.Tokenizer.PadId, run.Device, run.Seed, task.Target.LabelFormat);
}
