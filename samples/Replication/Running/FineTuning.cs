using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Samples;

namespace ReplicationSample;

/// <summary>Fine-tunes an encoder by the library's trainers.</summary>
internal static class FineTuning
{
    /// <summary>Trains as a cell says.</summary>
    public static void Run(Cell cell, TaskData data, Action<TrainingProgress> report, CancellationToken stop)
    {
        var context = new MLContext(cell.Seed);
        var (training, validation) = data.Views(context);
        var experiment = cell.Experiment;
        var (model, adapter, probe) = (Encoder(experiment.Encoder), NamedSettings.Adapter(experiment.Adapter), QualityProbe(cell));
        if (data.Kind == TaskKind.Texts)
        {
            using var texts = context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
            {
                Optimizer = cell.Optimizer.Options,
                Model = model,
                Adapter = adapter,
                Sentence1ColumnName = nameof(TaskRow.Text),
                BatchSize = experiment.BatchSize,
                MaxEpoch = experiment.Epochs,
                MaxSequenceLength = experiment.MaxSequenceLength,
                ValidationSet = validation,
                QualityProbe = probe,
                MetricsCallback = report,
                CancellationToken = stop,
            }).Fit(training);
            return;
        }

        using var pictures = context.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
        {
            Optimizer = cell.Optimizer.Options,
            Model = model,
            Adapter = adapter,
            FeatureColumnName = nameof(TaskRow.Picture),
            BatchSize = experiment.BatchSize,
            Epoch = experiment.Epochs,
            ImageSize = experiment.ImageSize,
            ValidationSet = validation,
            EarlyStoppingCriteria = null,
            QualityProbe = probe,
            MetricsCallback = report,
            CancellationToken = stop,
        }).Fit(training);
    }

    private static PretrainedModel Encoder(string name) => name switch
    {
        "MiniLM" => PretrainedModel.MiniLM,
        "ViTSmall" => PretrainedModel.ViTSmall,
        _ when Directory.Exists(name) => PretrainedModel.FromFolder(name),
        _ when name.Count(letter => letter == '/') == 1 => PretrainedModel.FromHub(name),
        _ => throw new UsageException($"There is no encoder \"{name}\". Use MiniLM, ViTSmall, a folder with a checkpoint, or owner/name of a model on the hub."),
    };

    private static QualityProbe? QualityProbe(Cell cell)
    {
        if (cell.Kind == ExperimentKind.E2)
        {
            return null;
        }

        if (cell.Probe is not { } probe)
        {
            throw new UsageException(
                $"The experiment has no \"{(cell.Kind == ExperimentKind.E1 ? "directions" : "dampingSweep")}\" that say what {cell.Kind.ToString().ToLowerInvariant()} measures.");
        }

        var dampings = probe.Dampings.Count == 0 ? [null] : probe.Dampings.Select(damping => (double?)damping);
        var methods = dampings.SelectMany(damping => probe.Methods.Select(method => (damping, method))).Select(pair =>
        {
            var options = NamedSettings.Optimizer(pair.method);
            return pair.damping is { } damping
                ? options is GramOptimizerOptions damped
                    ? damped with { Damping = damping }
                    : throw new UsageException($"\"dampingSweep\" names {pair.method["method"]}, which has no damping.")
                : options;
        });
        return new QualityProbe { Every = null, BatchesPerEpoch = probe.Batches, Directions = [.. methods] };
    }
}
