using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.Runtime;
using Samples;

namespace ReplicationSample;

/// <summary>Fine-tunes an encoder by the library's trainers.</summary>
internal static class FineTuning
{
    /// <summary>Trains as a cell says.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="optimizer">Its optimizer at its learning rate.</param>
    /// <param name="data">The rows.</param>
    /// <param name="report">Is told of every step and epoch.</param>
    /// <param name="warn">Is told what the trainer warns of.</param>
    /// <param name="stop">Ends the run.</param>
    /// <returns>The model on the validation rows for rates; otherwise null, and the validation rows are watched after each epoch.</returns>
    public static ReturnedResult? Run(
        Cell cell, OptimizerOptions optimizer, TaskData data, Action<TrainingProgress> report, Action<string> warn, CancellationToken stop)
    {
        var context = new MLContext(cell.Seed);
        context.Log += (_, line) =>
        {
            if (line.Kind == ChannelMessageKind.Warning)
            {
                warn(line.RawMessage);
            }
        };
        var (training, validation) = data.Views(context);
        var experiment = cell.Experiment;
        var watched = cell.Kind == ExperimentKind.Rates ? null : validation;
        var (model, adapter, probe) = (Encoder(experiment.Encoder), NamedSettings.Adapter(experiment.Adapter), QualityProbe(cell));
        if (data.Kind == TaskKind.Texts)
        {
            var texts = context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
            {
                Optimizer = optimizer,
                Model = model,
                Adapter = adapter,
                Sentence1ColumnName = nameof(TaskRow.Text),
                BatchSize = experiment.BatchSize,
                MaxEpoch = experiment.Epochs,
                MaxSequenceLength = experiment.MaxSequenceLength,
                ValidationSet = watched,
                QualityProbe = probe,
                RecoverFromDivergence = cell.Kind == ExperimentKind.Rates, // elsewhere the methods are compared as they are
                MetricsCallback = report,
                CancellationToken = stop,
            }).Fit(training);
            using (texts)
            {
                return watched is null ? Evaluate(context, texts.Transform(validation)) : null;
            }
        }

        var pictures = context.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
        {
            Optimizer = optimizer,
            Model = model,
            Adapter = adapter,
            FeatureColumnName = nameof(TaskRow.Picture),
            BatchSize = experiment.BatchSize,
            Epoch = experiment.Epochs,
            ImageSize = experiment.ImageSize,
            ValidationSet = watched,
            ValidationSetFraction = 0,
            EarlyStoppingCriteria = null,
            QualityProbe = probe,
            RecoverFromDivergence = cell.Kind == ExperimentKind.Rates, // elsewhere the methods are compared as they are
            MetricsCallback = report,
            CancellationToken = stop,
        }).Fit(training);
        using (pictures)
        {
            return watched is null ? Evaluate(context, pictures.Transform(validation)) : null;
        }
    }

    private static ReturnedResult Evaluate(MLContext context, IDataView scored)
    {
        var metrics = context.MulticlassClassification.Evaluate(scored, nameof(TaskRow.Label));
        return double.IsFinite(metrics.LogLoss)
            ? new ReturnedResult(metrics.LogLoss, metrics.MicroAccuracy)
            : throw new InvalidOperationException("The scores of the model are not finite.");
    }

    private static PretrainedModel Encoder(string name) => name switch
    {
        "MiniLM" => PretrainedModel.MiniLM,
        "BgeSmall" => PretrainedModel.BgeSmall,
        "ViTSmall" => PretrainedModel.ViTSmall,
        _ when Directory.Exists(name) => PretrainedModel.FromFolder(name),
        _ when name.Count(letter => letter == '/') == 1 => PretrainedModel.FromHub(name),
        _ => throw new UsageException($"There is no encoder \"{name}\". Use MiniLM, BgeSmall, ViTSmall, a folder with a checkpoint, or owner/name of a model on the hub."),
    };

    private static QualityProbe? QualityProbe(Cell cell)
    {
        if (cell.Kind is ExperimentKind.E2 or ExperimentKind.Rates)
        {
            return null;
        }

        if (cell.Probe is not { } probe)
        {
            throw new UsageException(
                $"The experiment has no \"{Cell.ProbeName(cell.Kind)}\" that say what {cell.Kind.ToString().ToLowerInvariant()} measures.");
        }

        var dampings = probe.Dampings.Count == 0 ? [null] : probe.Dampings.Select(damping => (double?)damping);
        var methods = dampings.SelectMany(damping => probe.Methods.Select(method => (damping, method))).Select(pair =>
        {
            var options = NamedSettings.Optimizer(pair.method);
            return pair.damping is { } damping
                ? options is NaturalGradientOptions damped
                    ? damped with { Damping = damping }
                    : throw new UsageException($"\"{Cell.ProbeName(cell.Kind)}\" names {pair.method["method"]}, which has no damping.")
                : options;
        });
        return new QualityProbe { Every = null, BatchesPerEpoch = probe.Batches, Directions = [.. methods] };
    }
}
