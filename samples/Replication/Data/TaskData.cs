using Microsoft.ML;
using Samples;

namespace ReplicationSample;

/// <summary>The rows of an experiment.</summary>
/// <param name="Kind">What the rows are.</param>
/// <param name="Training">Rows to train on.</param>
/// <param name="Validation">Rows to watch the training on.</param>
internal sealed record TaskData(TaskKind Kind, IReadOnlyList<TaskRow> Training, IReadOnlyList<TaskRow> Validation)
{
    private const string Names = "sst2, cola, mr, sms (texts below --data), reviews (texts of this repository), "
        + "pictures (of this repository) and cifar10 (below --data)";

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
                "reviews" => TextRows.Reviews(),
                "pictures" => PictureRows.Shipped(experiment),
                "cifar10" => PictureRows.Cifar(experiment, NeedFolder(experiment, folder)),
                _ => throw new UsageException($"There is no task \"{experiment.Task}\". The tasks are {Names}."),
            };
            return data with
            {
                Training = [.. data.Training.Take(experiment.TrainingRows)],
                Validation = [.. data.Validation.Take(experiment.ValidationRows)],
            };
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
