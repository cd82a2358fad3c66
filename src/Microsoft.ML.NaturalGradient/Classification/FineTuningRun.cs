using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The part of a trainer's Fit that does not depend on what rows are: device, seed, files, division of the rows, the training, reports.</summary>
/// <param name="environment">Where seed and device come from.</param>
/// <param name="host">The trainer's host.</param>
/// <param name="channel">Where messages go.</param>
/// <param name="settings">Checked settings.</param>
internal sealed class FineTuningRun(IHostEnvironment environment, IHost host, IChannel channel, FineTuningOptions settings) : IDisposable
{
    private const string SeedName = "seed";
    private const int MostCheckedRows = 8;
    private const int FewRows = 100;

    private readonly long _start = settings.Clock.GetTimestamp();
    private TrainingCheckpoints? _checkpoints;
    private int? _seed;

    /// <summary>The device; chosen when the run begins.</summary>
    public Device Device { get; } = ComputeDevice.Choose(environment, message => channel.Warning(message));

    /// <summary>The processes of the run; alone where there is one.</summary>
    public RunMembers Members { get; } = new(settings.Collective);

    /// <summary>Rank of this process; 0 where there is one.</summary>
    public int Rank => Members.Group?.Rank ?? 0;

    /// <summary>Seed of the run: that of the context, else of the run that goes on.</summary>
    public int Seed => _seed ??= ((IHostEnvironmentInternal)environment).Seed
        ?? (int.TryParse(_checkpoints?.Saved(SeedName), CultureInfo.InvariantCulture, out var saved) ? saved : host.Rand.Next());

    /// <summary>The settings.</summary>
    public FineTuningOptions Settings => settings;

    /// <summary>The pretrained model; that of the settings until the files are open.</summary>
    public PretrainedModel Model { get; private set; } = settings.Model;

    /// <summary>The trainer's host.</summary>
    public IHost Host => host;

    /// <summary>Folder for temporary files; null for the system's.</summary>
    public string? TemporaryFolder => ((IHostEnvironmentInternal)environment).TempFilePath;

    /// <summary>Opens the folder of checkpoints, and settles what all processes have in common.</summary>
    /// <exception cref="IOException">Another run uses the folder of checkpoints.</exception>
    /// <exception cref="InvalidDataException">There are states in the folder of checkpoints, but all are damaged.</exception>
    public void Begin()
    {
        if (settings.CheckpointFolder is { } folder && Members.IsFirst)
        {
            _checkpoints = TrainingCheckpoints.Open(folder, settings.CheckpointEvery, settings.Resume, Warn);
        }

        if (Members.Group is not { } group)
        {
            return;
        }

        // What the next exchanges depend on.
        Members.Agree(
            [(nameof(settings.ReadOwnRows), $"{settings.ReadOwnRows}"), (nameof(settings.CheckpointFolder), settings.CheckpointFolder is null ? "none" : "given")],
            "Give all processes the same settings.");
        _seed = (int)group.OfFirst(Seed);
        if (settings.CheckpointFolder is { } shared)
        {
            var state = Members.Jointly(() => group.FileOfFirst(_checkpoints?.SavedPath, TemporaryFolder));
            _checkpoints ??= TrainingCheckpoints.Follow(shared, settings.CheckpointEvery, state);
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

    /// <summary>Reads the classes of the training rows, and checks that those of validation rows are the same.</summary>
    /// <param name="data">The training rows.</param>
    /// <exception cref="InvalidOperationException">There are fewer than two classes, or other ones in the validation rows.</exception>
    public ClassLabels ReadClasses(IDataView data) => settings.Columns.Target.ReadClasses(data.Schema, settings.ValidationSet?.Schema);

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
                    : unlabelled == 0 ? $"The {purpose} data are empty. Check the file and its separator."
                    : $"All {unlabelled} {purpose} rows have a missing label. Check the column '{settings.LabelColumnName}'.");
        }
    }

    /// <summary>Trains a network.</summary>
    /// <param name="network">The network; moved to the device and changed.</param>
    /// <param name="target">What is predicted.</param>
    /// <param name="training">Batches to train on.</param>
    /// <param name="validation">Batches to watch the training on; null for none.</param>
    /// <param name="files">Files of the pretrained model.</param>
    /// <param name="augmentation">How training rows are changed at random; null for not at all.</param>
    /// <exception cref="InvalidOperationException">The state in the folder of checkpoints is that of another run; the message names what differs.</exception>
    public void Train(
        AdaptedNetwork network, PredictionTarget target, IBatchSource training, IBatchSource? validation, CheckpointFiles files, object? augmentation = null)
    {
        Members.Meet();
        var isRounded = PrecisionChoice.IsRounded(settings.Precision, network.Base.HiddenSize, Device, Info);
        isRounded = (Members.Group?.OfFirst(isRounded ? 1 : 0) ?? (isRounded ? 1 : 0)) > 0;
        network.RoundFrozenProducts(isRounded);
        try
        {
            var identity = Identity(network, target, training, validation, files, augmentation, isRounded).ToArray();
            Members.Compare(identity);
            ShareOut(Members.Group, training, validation);
            Train(network, target, training, validation, identity);
            Members.Part();
        }
        finally
        {
            network.RoundFrozenProducts(false);
            ShareOut(null, training, validation);
        }
    }

    private static void ShareOut(ProcessGroup? group, params IBatchSource?[] sources)
    {
        foreach (var source in sources.OfType<RowBatchSource>())
        {
            source.Group = group;
        }
    }

    /// <summary>Throws unless a trained network can be used: its weights, and its outputs for a few training rows, are finite.</summary>
    /// <param name="network">The network; not in training afterwards.</param>
    /// <param name="training">The training rows.</param>
    /// <exception cref="InvalidOperationException">They are not; the message names the weight or layer.</exception>
    public static void CheckTrained(AdaptedNetwork network, IBatchSource training)
    {
        const string advice = "The training ended without a model that could be used. Lower LearningRate or raise Damping.";
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        network.SetTraining(false);
        if (FiniteCheck.Describe(network.TrainableParameters) is { } problem)
        {
            throw new InvalidOperationException($"{problem} {advice}");
        }

        using var batch = training.Shuffled(0).First();
        // All layers' outputs are alive at once here, so that few rows have to do.
        FiniteCheck.Outputs(network, () => network.Forward(batch.Input.Slice(0, Math.Min(MostCheckedRows, batch.Input.SampleCount))), advice);
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
        settings.Adapter.Base ?? Model.Location);

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
        _checkpoints?.Dispose();
    }

    private void Train(
        AdaptedNetwork network, PredictionTarget target, IBatchSource training, IBatchSource? validation, IEnumerable<(string Name, string Value)> identity)
    {
        if (_checkpoints is { } checkpoints)
        {
            foreach (var (name, value) in identity)
            {
                checkpoints.Identity[name] = value;
            }
        }

        foreach (var warning in network.Warnings)
        {
            Warn(warning);
        }

        var goal = settings.FewShot && target.IsClass ? TrainingGoal.OfPairs(network) : TrainingGoal.OfLabels(network, target);
        Info(string.Create(
            CultureInfo.InvariantCulture,
            $"{Model}, {settings.Adapter.Description}{(settings.FewShot ? ", few rows" : "")}, {network.TrainableParameters.Sum(named => named.Value.numel())} trained weights; "
            + $"{settings.Optimizer.Name}, learning rate {settings.Optimizer.ResolveLearningRate(goal.ClassCount):G4}, batches of {(settings.FewShot ? training.SampleCount : settings.BatchSize)}, seed {Seed}."));
        if (settings is { FewShot: false, Adapter: LoraOptions } && target.IsClass && training is RowBatchSource { IsConstant: true }
            && network.LinearHead is not null && training.SampleCount < FewRows * target.OutputCount)
        {
            Info($"There are fewer than {FewRows} rows for each class. Try FewShot = true, which is made for that.");
        }

        using var frozen = Freeze(network, training, "training");
        using var frozenValidation = goal.IsOfLabels ? Freeze(network, validation, "validation") : null;
        var solving = new HeadSolving(network, target, Seed, CheckAlive, Info);
        if (frozen is not null && settings is { Adapter: HeadOnlyOptions { Solve: true }, QualityProbe: null } && network.LinearHead is { } head)
        {
            Report(target.Present(solving.Solve(head, frozen, frozenValidation)), target.LossName);
            return;
        }

        using var held = settings.FewShot ? HoldHead(network, training, solving) : null;

        var prepared = settings.Clock.GetElapsedTime(_start);
        if (settings.TimeBudget is { } budget)
        {
            Info(
                $"The training ends {budget} after Fit began (TimeBudget), of which {TimeSpan.FromSeconds((long)prepared.TotalSeconds)} are over, or after "
                + $"{settings.EpochCount} epochs ({settings.EpochCountName}) if that is sooner.");
        }

        var loopSettings = new TrainingSettings
        {
            Optimizer = settings.Optimizer,
            ClassCount = goal.ClassCount,
            EpochCount = settings.EpochCount,
            TimeBudget = settings.TimeBudget - prepared,
            Clock = settings.Clock,
            MicroBatchSize = settings.MicroBatchSize,
            Seed = Seed,
            EarlyStopping = settings.Stopping is { WatchAccuracy: false } stopping
                ? stopping with { MinDelta = target.ObjectiveUnits(stopping.MinDelta) }
                : settings.Stopping,
            Probe = settings.QualityProbe,
            GuessLoss = settings.RecoverFromDivergence ? goal.GuessLoss : null,
            Notify = Info,
            Warn = Warn,
            CheckAlive = CheckAlive,
            Checkpoints = _checkpoints,
            Processes = Members.Group,
            Report = progress => Report(goal.Present(progress), goal.LossName),
        };
        var loop = new TrainingLoop(goal.Model, goal.Objective, loopSettings);
        var result = Members.WithOwnAbort(() => loop.Run(frozen ?? training, goal.IsOfLabels ? frozenValidation ?? validation : null));
        if (_checkpoints is { SaveCount: > 0 } saved)
        {
            Info(string.Create(
                CultureInfo.InvariantCulture, $"States of the run saved: {saved.SaveCount}, which took {saved.SavingTime.TotalSeconds:F3} s."));
        }

        if (result.Failure is { } failure)
        {
            Warn(failure);
        }
        else if (settings.Stopping is not null && validation is not null && goal.IsOfLabels)
        {
            Info($"The model has the weights of epoch {result.BestEpoch}.");
        }

        if (!goal.IsOfLabels)
        {
            var report = solving.SolveAgain(held!, (RowBatchSource)training, (RowBatchSource?)validation);
            Report(target.Present(report) with { Epoch = settings.EpochCount, EpochCount = settings.EpochCount }, target.LossName);
        }
    }

    private HeldHead HoldHead(AdaptedNetwork network, IBatchSource training, HeadSolving solving) =>
        network.LinearHead is { } head && training is RowBatchSource rows
            ? solving.Hold(head, rows)
            : throw host.Except($"FewShot needs a network with one linear layer as its head, which {Model} has not. Set FewShot to false.");

    // Null where no layer can be left out of the steps.
    private FrozenSource? Freeze(AdaptedNetwork network, IBatchSource? source, string purpose)
    {
        if (settings.FrozenLayerCache is not { } cache || source is not RowBatchSource rows || network.FrozenLayers is not (> 0 and var layers))
        {
            return null;
        }

        if (!rows.IsConstant)
        {
            Info($"The {purpose} rows are changed at random, so that their way through the frozen layers is computed in every epoch.");
            return null;
        }

        var frozen = new FrozenSource(rows, network, layers, cache.HalfPrecision ? ScalarType.Float16 : null, cache.MemoryLimit, TemporaryFolder, Members.Group);
        try
        {
            frozen.Fill(CheckAlive);
            var part = layers > network.Base.LayerCount ? "encoder" : FormattableString.Invariant($"first {layers} layers");
            Info(
                $"What the {part} gives for {frozen.SampleCount} {purpose} rows was computed once and is kept: {frozen.MemoryBytes >> 20} MB in memory, {frozen.FileBytes >> 20} MB in a temporary file.");
            return frozen;
        }
        catch
        {
            frozen.Dispose();
            throw;
        }
    }

    // Whatever the weights at the end depend on.
    private IEnumerable<(string Name, string Value)> Identity(
        AdaptedNetwork network, PredictionTarget target, IBatchSource training, IBatchSource? validation, CheckpointFiles files, object? augmentation, bool isRounded) =>
    [
        (SeedName, TrainingCheckpoints.Describe(Seed)),
        ("the optimizer", TrainingCheckpoints.Describe(settings.Optimizer)),
        ("the adapter", settings.Adapter.ToConfig(network.Base).ToJsonString()),
        ("the model", BaseFingerprint.Compute(files)),
        ("the outputs", $"{target.GetType().Name} of {TrainingCheckpoints.Describe(target.OutputCount)}"),
        ("training rows", $"{TrainingCheckpoints.Describe(training.SampleCount)}, {training.Fingerprint()}"),
        ("validation rows", validation is null ? "none" : $"{TrainingCheckpoints.Describe(validation.SampleCount)}, {validation.Fingerprint()}"),
        ("augmentation", TrainingCheckpoints.Describe(augmentation)),
        (nameof(settings.BatchSize), TrainingCheckpoints.Describe(settings.BatchSize)),
        (nameof(settings.MicroBatchSize), TrainingCheckpoints.Describe(settings.MicroBatchSize)),
        (settings.EpochCountName, TrainingCheckpoints.Describe(settings.EpochCount)),
        (nameof(settings.Precision), TrainingCheckpoints.Describe(isRounded ? Precision.BFloat16 : Precision.Float32)),
        (nameof(settings.FewShot), TrainingCheckpoints.Describe(settings.FewShot)),
        ("frozen layers", settings.FrozenLayerCache is { } cache ? $"kept, {(cache.HalfPrecision ? "16 bits" : "exact")}" : "computed"),
        ("early stopping", validation is null ? "none" : TrainingCheckpoints.Describe(settings.Stopping)),
        (nameof(settings.RecoverFromDivergence), TrainingCheckpoints.Describe(settings.RecoverFromDivergence)),
        .. settings.TimeBudget is { } budget ? [(nameof(settings.TimeBudget), TrainingCheckpoints.Describe(budget))] : Array.Empty<(string, string)>(),
    ];

    private void Report(TrainingProgress progress, string lossName)
    {
        if (progress.EndOfEpoch)
        {
            var validation = progress.ValidationLoss is { } loss ? $"; validation {Describe(lossName, loss, progress.ValidationAccuracy)}" : "";
            Info(string.Create(
                CultureInfo.InvariantCulture,
                $"Epoch {progress.Epoch}/{progress.EpochCount}: {Describe(lossName, progress.Loss, progress.Accuracy)}{validation}; "
                + $"{progress.RowsPerSecond:F0} rows/s, {progress.TimeLeft:hh\\:mm\\:ss} left."));
            if (progress.DampingRaised > 0)
            {
                Warn(
                    $"In epoch {progress.Epoch} the damping had to be multiplied by ten {progress.DampingRaised} times before a step could be "
                    + "solved. Raise Damping if this goes on.");
            }
        }

        settings.MetricsCallback?.Invoke(progress);
    }

    private static string Describe(string name, double loss, double? accuracy) => accuracy is null
        ? FormattableString.Invariant($"{name} {loss:G4}")
        : FormattableString.Invariant($"{name} {loss:F4}, accuracy {accuracy:F4}");

    private void ReportDownload(string line)
    {
        CheckAlive();
        Info(line);
    }
}
