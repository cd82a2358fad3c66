using Microsoft.ML;
using Samples;

namespace ReplicationSample;

/// <summary>The rows of an experiment.</summary>
/// <param name="Kind">What the rows are.</param>
/// <param name="Training">Rows to train on.</param>
/// <param name="Validation">Rows to watch the training on.</param>
internal sealed record TaskData(TaskKind Kind, IReadOnlyList<TaskRow> Training, IReadOnlyList<TaskRow> Validation)
{
    private const string Names = "sst2, cola, mr, sms, sst5, goemotions, wordnet-glosses, banking77 (texts below --data), reviews (texts of this repository), "
        + "synthetic (texts that are made up), pictures (of this repository) and cifar10 (below --data)";

    /// <summary>How many classes the training rows have.</summary>
    public int ClassCount { get; } = Training.DistinctBy(row => row.Label).Count();

    /// <summary>Reads the data that an experiment names.</summary>
    /// <param name="experiment">The experiment.</param>
    /// <param name="folder">The folder of <c>--data</c>; null where there is none.</param>
    public static TaskData Load(Experiment experiment, string? folder)
    {
        try
        {
            var data = experiment.Task switch
            {
                "sst2" => TextRows.Read(NeedFolder(experiment, folder), "SST-2", label: 1, text: 0, hasHeader: true),
                "cola" => TextRows.Read(NeedFolder(experiment, folder), "CoLA", label: 1, text: 3, hasHeader: false),
                "mr" => TextRows.Read(NeedFolder(experiment, folder), "MR", label: 0, text: 1, hasHeader: true),
                "sms" => TextRows.Read(NeedFolder(experiment, folder), "SMS spam", label: 0, text: 1, hasHeader: true),
                "sst5" => TextRows.ReadFirst(experiment, Path.Combine(NeedFolder(experiment, folder), "sentconv", "sst5-sentences"), "dev.tsv"),
                "goemotions" => TextRows.ReadFirst(experiment, Path.Combine(NeedFolder(experiment, folder), "goemotions-ekman"), "dev.tsv"),
                "wordnet-glosses" => TextRows.ReadFirst(experiment, Path.Combine(NeedFolder(experiment, folder), "wordnet-glosses"), "dev.tsv"),
                "banking77" => TextRows.ReadFirst(experiment, Path.Combine(NeedFolder(experiment, folder), "banking77"), "test.tsv"),
                "synthetic" => SyntheticRows.Create(experiment),
                "reviews" => TextRows.Reviews(),
                "pictures" => PictureRows.Shipped(experiment),
                "cifar10" => PictureRows.Cifar(experiment, NeedFolder(experiment, folder)),
                _ => throw new UsageException($"There is no task \"{experiment.Task}\". The tasks are {Names}."),
            };
            return new TaskData(data.Kind, [.. data.Training.Take(experiment.TrainingRows)], [.. data.Validation.Take(experiment.ValidationRows)]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new UsageException($"The data of \"{experiment.Name}\" cannot be read: {exception.Message}");
        }
    }

    /// <summary>Both parts for a trainer, with the class as a key.</summary>
    public (IDataView Training, IDataView Validation) Views(MLContext context)
    {
        var training = context.Data.LoadFromEnumerable(Training);
        var keys = context.Transforms.Conversion.MapValueToKey(nameof(TaskRow.Label)).Fit(training);
        return (keys.Transform(training), keys.Transform(context.Data.LoadFromEnumerable(Validation)));
    }

    private static string NeedFolder(Experiment experiment, string? folder) => folder is null
        ? throw new UsageException($"The task \"{experiment.Task}\" is not part of this repository. Name the folder that has it with --data; docs/replication.md says how it is laid out.")
        : Directory.Exists(folder) ? folder : throw new UsageException($"There is no folder \"{folder}\".");
}
