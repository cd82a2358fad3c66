using System.Globalization;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One call of a trainer's Fit, whatever rows are: device, seed, processes, files, messages, and what is done with rows once they are read.</summary>
/// <param name="environment">Where seed and device come from.</param>
/// <param name="host">The trainer's host.</param>
/// <param name="channel">Where messages go.</param>
/// <param name="settings">Checked settings.</param>
internal sealed class FineTuningRun(IHostEnvironment environment, IHost host, IChannel channel, FineTuningOptions settings) : IDisposable
{
    /// <summary>What states of a run and messages call the seed.</summary>
    public const string SeedName = "seed";

    private readonly long _start = settings.Clock.GetTimestamp();
    private int? _seed;

    /// <summary>The device; null until the run begins, where other processes hear that it is not there.</summary>
    public Device Device { get; private set; } = null!;

    /// <summary>The states of the run that are saved; null for none.</summary>
    public TrainingCheckpoints? Checkpoints { get; private set; }

    /// <summary>Time since Fit began.</summary>
    public TimeSpan Elapsed => settings.Clock.GetElapsedTime(_start);

    /// <summary>The processes of the run; alone where there is one.</summary>
    public RunMembers Members { get; } = new(settings.Collective);

    /// <summary>Rank of this process; 0 where there is one.</summary>
    public int Rank => Members.Group?.Rank ?? 0;

    /// <summary>Seed of the run: that of the context, else of the run that goes on.</summary>
    public int Seed => _seed ??= ((IHostEnvironmentInternal)environment).Seed
        ?? (int.TryParse(Checkpoints?.Saved(SeedName), CultureInfo.InvariantCulture, out var saved) ? saved : host.Rand.Next());

    /// <summary>The settings.</summary>
    public FineTuningOptions Settings => settings;

    /// <summary>The pretrained model; that of the settings until the files are open.</summary>
    public PretrainedModel Model { get; private set; } = settings.Model;

    /// <summary>The trainer's host.</summary>
    public IHost Host => host;

    /// <summary>Folder for temporary files; null for the system's.</summary>
    public string? TemporaryFolder => ((IHostEnvironmentInternal)environment).TempFilePath;

    /// <summary>Chooses the device, opens the folder of checkpoints, and settles what all processes have in common.</summary>
    /// <exception cref="InvalidOperationException">The device is not there, or another process cannot begin or differs.</exception>
    /// <exception cref="IOException">Another run uses the folder of checkpoints.</exception>
    /// <exception cref="InvalidDataException">There are states in the folder of checkpoints, but all are damaged.</exception>
    public void Begin()
    {
        Device = ComputeDevice.Choose(environment, message => channel.Warning(message));
        if (settings.CheckpointFolder is { } folder && Members.IsFirst)
        {
            Checkpoints = TrainingCheckpoints.Open(folder, settings.CheckpointEvery, settings.Resume, Warn);
        }

        if (Members.Group is not { } group)
        {
            return;
        }

        // What the next exchanges depend on.
        Members.Agree(
            [
                (nameof(settings.ReadOwnRows), $"{settings.ReadOwnRows}"),
                (nameof(settings.CheckpointFolder), settings.CheckpointFolder is null ? "none" : "given"),
                (nameof(settings.ValidationSet), settings.ValidationSet is null ? "none" : "given"),
                (nameof(settings.ValidationSetFraction), TrainingCheckpoints.Describe(settings.ValidationSetFraction)),
            ],
            "Give all processes the same settings.");
        _seed = (int)group.OfFirst(Seed);
        if (settings.CheckpointFolder is { } shared)
        {
            var state = Members.Jointly(() => group.FileOfFirst(Checkpoints?.SavedPath, TemporaryFolder));
            Checkpoints ??= TrainingCheckpoints.Follow(shared, settings.CheckpointEvery, state);
        }

        Info(Members.Describe());
    }

    /// <summary>Tells the user, once for all processes.</summary>
    /// <param name="message">A sentence.</param>
    public void Info(string message)
    {
        if (Members.IsFirst)
        {
            channel.Info(message);
        }
    }

    /// <summary>Warns the user, once for all processes.</summary>
    /// <param name="message">A sentence.</param>
    public void Warn(string message)
    {
        if (Members.IsFirst)
        {
            channel.Warning(message);
        }
    }

    /// <summary>Finds the files of the pretrained model, which may download them.</summary>
    /// <param name="classes">Number of classes, which the default model depends on.</param>
    /// <returns>The files; the caller disposes them.</returns>
    public CheckpointFiles OpenFiles(int classes)
    {
        Model = settings.Model.For(classes);
        if (Model != settings.Model)
        {
            Info(FormattableString.Invariant($"There are {classes} classes: the default encoder is {Model} here, not {settings.Model}."));
        }

        return settings.Adapter.Open(Model.Open(ReportDownload, settings.CancellationToken));
    }

    /// <summary>Reads the classes of the training rows, and checks that those of validation rows are the same. Warns of names that the trained model could not be exported with.</summary>
    /// <param name="data">The training rows.</param>
    /// <exception cref="InvalidOperationException">There are too few classes, or other ones in the validation rows.</exception>
    public ClassLabels ReadClasses(IDataView data)
    {
        var labels = settings.Columns.Target.ReadClasses(data.Schema, settings.ValidationSet?.Schema);
        if (ClassifierConfig.DescribeRepeated(labels.Names) is { } repeated)
        {
            Warn(repeated);
        }

        return labels;
    }

    /// <summary>Puts what the processes read together, where each reads rows of its own.</summary>
    /// <typeparam name="T">Kind of rows.</typeparam>
    /// <param name="own">What this process read.</param>
    /// <param name="target">What is predicted.</param>
    /// <param name="exchange">Puts the rows of all together, one process after the other.</param>
    /// <returns>The rows of all; <paramref name="own"/> where all processes read the same.</returns>
    /// <exception cref="InvalidOperationException">A process could not read its rows, or has other classes; the message names it.</exception>
    public T OfAllProcesses<T>(T own, PredictionTarget target, Func<ProcessGroup, T> exchange)
    {
        if (!settings.ReadOwnRows || Members.Group is not { } group)
        {
            return own;
        }

        Members.Agree(
            [.. target.OutputNames.Select((name, i) => (FormattableString.Invariant($"class {i + 1}"), $"'{name}'"))],
            "Give all processes the same keys in the same order, for example by the argument keyData of MapValueToKey.");
        return Members.Jointly(() => exchange(group));
    }

    /// <summary>Sets rows aside to watch the training on.</summary>
    /// <typeparam name="T">Kind of rows.</typeparam>
    /// <param name="rows">All rows.</param>
    /// <returns>The rows to train on and those to watch, null for none; at least one on either side.</returns>
    /// <exception cref="InvalidOperationException">There is a single row.</exception>
    public (IReadOnlyList<T> Training, IReadOnlyList<T>? Validation) Divide<T>(IReadOnlyList<T> rows)
    {
        if (settings.ValidationSetFraction == 0)
        {
            return (rows, null);
        }

        if (rows.Count < 2)
        {
            throw host.Except(
                $"There is {rows.Count} training row, which cannot be divided into training and validation rows. Add rows, or set ValidationSetFraction to 0.");
        }

        var aside = Holdout.Draw([.. Enumerable.Range(0, rows.Count)], settings.ValidationSetFraction, new Random(Seed));
        return ([.. rows.Where((_, row) => !aside.Contains(row))], [.. rows.Where((_, row) => aside.Contains(row))]);
    }

    /// <summary>Checks how many rows there are to train or validate on.</summary>
    /// <param name="used">Rows that are used.</param>
    /// <param name="unlabelled">Rows skipped because their label is missing.</param>
    /// <param name="weightless">Rows skipped because their weight is zero.</param>
    /// <param name="purpose">What the rows are for.</param>
    /// <exception cref="InvalidOperationException">There are none that are used.</exception>
    public void CheckRows(int used, int unlabelled, int weightless, string purpose)
    {
        if (used == 0)
        {
            throw host.Except(
                weightless > 0
                    ? $"No {purpose} row is left: {weightless} have the weight 0 in the column '{settings.ExampleWeightColumnName}', {unlabelled} others a missing label in the column '{settings.LabelColumnName}'."
                    : unlabelled == 0 ? $"The {purpose} data are empty. Check the file and its separator, or, where the rows come from the program, that they can be read more than once, as a list can and a queue cannot."
                    : $"All {unlabelled} {purpose} rows {settings.WhyUnlabelled}");
        }
    }

    /// <summary>Warns of classes that no training row has.</summary>
    /// <param name="target">What is predicted.</param>
    /// <param name="labels">The labels of the training rows.</param>
    public void WarnOfMissingLabels(PredictionTarget target, IEnumerable<RowLabel> labels)
    {
        if (target.DescribeMissing(labels) is { } missing)
        {
            Warn(missing);
        }
    }

    /// <summary>Finds how often the rows of each class count.</summary>
    /// <param name="target">What is predicted.</param>
    /// <param name="labels">The labels of the training rows.</param>
    /// <returns>Changes the label of a row; null where all classes count once.</returns>
    /// <exception cref="InvalidOperationException">A class is weighted that there is not.</exception>
    public Func<RowLabel, RowLabel>? WeighClasses(PredictionTarget target, IEnumerable<RowLabel> labels)
    {
        if (settings.WeightsOfClasses is not { } classes)
        {
            return null;
        }

        var names = ((ClassTarget)target).Labels;
        var weights = classes.For(names, labels);
        Info($"Rows count as often as their classes say: {MessageText.Few([.. names.Names.Zip(weights, (name, weight) => FormattableString.Invariant($"'{name}' {weight:G3}"))])}.");
        return label => label.Times(weights[(int)label.Value]);
    }

    /// <summary>Describes the pretrained model for saving.</summary>
    /// <param name="files">Its files.</param>
    /// <param name="smallFiles">The contents of its small files.</param>
    /// <param name="storedTypes">Element type of each weight in its own file, by name.</param>
    public ModelBase Base(
        CheckpointFiles files, IReadOnlyDictionary<string, byte[]> smallFiles, IReadOnlyDictionary<string, ScalarType> storedTypes) => new(
        Model.ToString(), settings.SaveBaseModel ? null : BaseFingerprint.Compute(files), smallFiles, storedTypes,
        Model.LocationAs(settings.Adapter.Base));

    /// <summary>Throws when the run is to stop.</summary>
    /// <exception cref="OperationCanceledException">The user stopped it.</exception>
    public void CheckAlive()
    {
        host.CheckAlive();
        settings.CancellationToken.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Checkpoints?.Dispose();
    }

    private void ReportDownload(string line)
    {
        CheckAlive();
        Info(line);
    }
}
