using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The training of a network in a trainer's Fit: what is computed once before, the solved heads, the loop, its reports.</summary>
/// <param name="run">The call of Fit.</param>
/// <param name="network">The network; moved to the device.</param>
/// <param name="target">What is predicted.</param>
internal sealed class NetworkTraining(FineTuningRun run, AdaptedNetwork network, PredictionTarget target)
{
    private const int MostCheckedRows = 8;
    private const int FewRows = 100;
    private const int MostRowsAtOnce = 128; // of a step of all rows: 1,000 rows of 25 words took 17 GB with MiniLM
    private const int RowsOfPart = 64;

    private readonly FineTuningOptions _settings = run.Settings;

    /// <summary>Trains the network.</summary>
    /// <param name="training">Batches to train on.</param>
    /// <param name="validation">Batches to watch the training on; null for none.</param>
    /// <param name="files">Files of the pretrained model.</param>
    /// <param name="augmentation">How training rows are changed at random; null for not at all.</param>
    /// <exception cref="InvalidOperationException">The state in the folder of checkpoints is that of another run; the message names what differs.</exception>
    public void Train(IBatchSource training, IBatchSource? validation, CheckpointFiles files, object? augmentation = null)
    {
        // Before they meet: one that fails at it is heard there, and the next that they do together is no meeting.
        var isRounded = PrecisionChoice.IsRounded(_settings.Precision, run.Checkpoints?.Saved(nameof(_settings.Precision)), network.Base.HiddenSize, run.Device, run.Info);
        run.Members.Meet();
        isRounded = (run.Members.Group?.OfFirst(isRounded ? 1 : 0) ?? (isRounded ? 1 : 0)) > 0;
        network.RoundFrozenProducts(isRounded);
        try
        {
            var identity = Identity(training, validation, files, augmentation, isRounded).ToArray();
            run.Members.Compare([.. identity, .. Exchanges()]);
            ShareOut(run.Members.Group, training, validation);
            Train(training, validation, identity);
            run.Members.Part();
        }
        finally
        {
            network.RoundFrozenProducts(false);
            ShareOut(null, training, validation);
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

    private static void ShareOut(ProcessGroup? group, params IBatchSource?[] sources)
    {
        foreach (var source in sources.OfType<RowBatchSource>())
        {
            source.Group = group;
        }
    }

    private void Train(IBatchSource training, IBatchSource? validation, IEnumerable<(string Name, string Value)> identity)
    {
        if (run.Checkpoints is { } checkpoints)
        {
            foreach (var (name, value) in identity)
            {
                checkpoints.Identity[name] = value;
            }
        }

        foreach (var warning in network.Warnings)
        {
            run.Warn(warning);
        }

        var goal = _settings.FewShot && target.IsClass ? TrainingGoal.OfPairs(network) : TrainingGoal.OfLabels(network, target);
        run.Info(string.Create(
            CultureInfo.InvariantCulture,
            $"{run.Model}, {_settings.Adapter.Description}{(_settings.FewShot ? ", few rows" : "")}, {network.TrainableParameters.Sum(named => named.Value.numel())} trained weights; "
            + $"{_settings.Optimizer.Name}, learning rate {_settings.Optimizer.ResolveLearningRate(goal.ClassCount):G4}, batches of {(_settings.FewShot ? training.SampleCount : _settings.BatchSize)}, seed {run.Seed}."));
        if (_settings is { FewShot: false, Adapter: LoraOptions } && target.IsClass && training is TokenBatchSource
            && network.LinearHead is not null && training.SampleCount < FewRows * target.OutputCount)
        {
            run.Info($"There are fewer than {FewRows} rows for each class. Try FewShot = true, which is made for that.");
        }

        using var frozen = Freeze(training, "training");
        using var frozenValidation = goal.IsOfLabels ? Freeze(validation, "validation") : null;
        var solving = new HeadSolving(network, target, run.Seed, run.CheckAlive, run.Info, run.Members.Group);
        if (frozen is not null && _settings is { Adapter: HeadOnlyOptions { Solve: true }, QualityProbe: null } && network.LinearHead is { } head)
        {
            Report(target.Present(solving.Solve(head, frozen, frozenValidation)), target.LossName);
            return;
        }

        using var held = _settings.FewShot ? HoldHead(training, solving) : null;

        var prepared = run.Elapsed;
        if (_settings.TimeBudget is { } budget)
        {
            run.Info(
                $"The training ends {budget} after Fit began (TimeBudget), of which {TimeSpan.FromSeconds((long)prepared.TotalSeconds)} are over, or after "
                + $"{_settings.EpochCount} epochs ({_settings.EpochCountName}) if that is sooner.");
        }

        var loopSettings = new TrainingSettings
        {
            Optimizer = _settings.Optimizer,
            ClassCount = goal.ClassCount,
            EpochCount = _settings.EpochCount,
            TimeBudget = _settings.TimeBudget - prepared,
            Clock = _settings.Clock,
            MicroBatchSize = MicroBatchSize(training),
            Seed = run.Seed,
            EarlyStopping = goal.IsOfLabels ? Stopping(validation) : null,
            Probe = _settings.QualityProbe,
            GuessLoss = _settings.RecoverFromDivergence ? goal.GuessLoss : null,
            Notify = run.Info,
            Warn = run.Warn,
            CheckAlive = run.CheckAlive,
            Checkpoints = run.Checkpoints,
            Processes = run.Members.Group,
            Report = progress => Report(goal.Present(progress), goal.LossName),
        };
        var loop = new TrainingLoop(goal.Model, goal.Objective, loopSettings);
        var result = run.Members.WithOwnAbort(() => loop.Run(frozen ?? training, goal.IsOfLabels ? frozenValidation ?? validation : null));
        if (run.Checkpoints is { SaveCount: > 0 } saved)
        {
            run.Info(string.Create(
                CultureInfo.InvariantCulture, $"States of the run saved: {saved.SaveCount}, which took {saved.SavingTime.TotalSeconds:F3} s."));
        }

        if (result.Failure is { } failure)
        {
            run.Warn(failure);
        }
        else if (_settings.Stopping is not null && validation is not null && goal.IsOfLabels)
        {
            run.Info($"The model has the weights of epoch {result.BestEpoch}.");
        }

        if (!goal.IsOfLabels)
        {
            var report = solving.SolveAgain(held!, (RowBatchSource)training, (RowBatchSource?)validation);
            Report(target.Present(report) with { Epoch = _settings.EpochCount, EpochCount = _settings.EpochCount }, target.LossName);
        }
    }

    private EarlyStopping? Stopping(IBatchSource? validation)
    {
        if (validation is null || _settings.Stopping is not { } stopping)
        {
            return null;
        }

        if (validation.SampleCount < stopping.MinValidationRows)
        {
            run.Warn(
                $"Validation rows: {validation.SampleCount}, too few to choose an epoch by (EarlyStopping.MinValidationRows is {stopping.MinValidationRows}). All epochs are trained, and the last weights are kept.");
            return null;
        }

        return stopping.WatchAccuracy ? stopping : stopping with { MinDelta = target.ObjectiveUnits(stopping.MinDelta) };
    }

    // A step of all rows would need the memory of all of them.
    private int? MicroBatchSize(IBatchSource training)
    {
        if (_settings is not { FewShot: true, MicroBatchSize: null } || training.SampleCount <= MostRowsAtOnce)
        {
            return _settings.MicroBatchSize;
        }

        run.Info($"A step of all {training.SampleCount} rows is made of parts of {RowsOfPart} (MicroBatchSize), which takes less memory and more time.");
        return RowsOfPart;
    }

    private HeldHead HoldHead(IBatchSource training, HeadSolving solving) =>
        network.LinearHead is { } head && training is RowBatchSource rows
            ? solving.Hold(head, rows)
            : throw run.Host.Except($"FewShot needs a network with one linear layer as its head, which {run.Model} has not. Set FewShot to false.");

    // Null where no layer can be left out of the steps.
    private FrozenSource? Freeze(IBatchSource? source, string purpose)
    {
        if (_settings.FrozenLayerCache is not { } cache || source is not RowBatchSource rows || network.FrozenLayers is not (> 0 and var layers))
        {
            return null;
        }

        if (!rows.IsConstant)
        {
            run.Info($"The {purpose} rows are changed at random, so that their way through the frozen layers is computed in every epoch.");
            return null;
        }

        var frozen = new FrozenSource(rows, network, layers, cache.HalfPrecision ? ScalarType.Float16 : null, cache.MemoryLimit, run.TemporaryFolder, run.Members.Group);
        try
        {
            frozen.Fill(run.CheckAlive);
            var part = layers > network.Base.LayerCount ? "encoder" : FormattableString.Invariant($"first {layers} layers");
            run.Info(
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
        IBatchSource training, IBatchSource? validation, CheckpointFiles files, object? augmentation, bool isRounded) =>
    [
        (FineTuningRun.SeedName, TrainingCheckpoints.Describe(run.Seed)),
        ("the optimizer", TrainingCheckpoints.Describe(_settings.Optimizer)),
        ("the adapter", _settings.Adapter.ToConfig(network.Base).ToJsonString()),
        .. _settings.Adapter is PretrainedAdapter loaded ? [("the loaded adapter", loaded.Identity)] : Array.Empty<(string, string)>(),
        ("the model", BaseFingerprint.Compute(files)),
        ("the outputs", $"{target.GetType().Name} of {TrainingCheckpoints.Describe(target.OutputCount)}"),
        ("training rows", $"{TrainingCheckpoints.Describe(training.SampleCount)}, {training.Fingerprint()}"),
        ("validation rows", validation is null ? "none" : $"{TrainingCheckpoints.Describe(validation.SampleCount)}, {validation.Fingerprint()}"),
        ("augmentation", TrainingCheckpoints.Describe(augmentation)),
        (nameof(_settings.BatchSize), TrainingCheckpoints.Describe(_settings.BatchSize)),
        (nameof(_settings.MicroBatchSize), TrainingCheckpoints.Describe(_settings.MicroBatchSize)),
        (_settings.EpochCountName, TrainingCheckpoints.Describe(_settings.EpochCount)),
        (nameof(_settings.Precision), TrainingCheckpoints.Describe(isRounded ? Precision.BFloat16 : Precision.Float32)),
        (nameof(_settings.FewShot), TrainingCheckpoints.Describe(_settings.FewShot)),
        ("frozen layers", _settings.FrozenLayerCache is { } cache ? $"kept, {(cache.HalfPrecision ? "16 bits" : "exact")}" : "computed"),
        ("early stopping", validation is null ? "none" : TrainingCheckpoints.Describe(_settings.Stopping)),
        (nameof(_settings.RecoverFromDivergence), TrainingCheckpoints.Describe(_settings.RecoverFromDivergence)),
        .. _settings.TimeBudget is { } budget ? [(nameof(_settings.TimeBudget), TrainingCheckpoints.Describe(budget))] : Array.Empty<(string, string)>(),
    ];

    // What processes exchange depends on this too. States do not: what is measured changes no weights, and a head that is solved saves none.
    private IEnumerable<(string Name, string Value)> Exchanges() =>
    [
        (nameof(_settings.QualityProbe), _settings.QualityProbe is { } probe
            ? $"{TrainingCheckpoints.Describe(probe)} of {string.Join(", ", probe.AllDirections.Select(TrainingCheckpoints.Describe))}" : "none"),
        ("Solve of HeadOnly", TrainingCheckpoints.Describe(_settings.Adapter is HeadOnlyOptions { Solve: true })),
    ];

    private void Report(TrainingProgress progress, string lossName)
    {
        if (progress.EndOfEpoch)
        {
            var validation = progress.ValidationLoss is { } loss ? $"; validation {Describe(lossName, loss, progress.ValidationAccuracy)}" : "";
            run.Info(string.Create(
                CultureInfo.InvariantCulture,
                $"Epoch {progress.Epoch}/{progress.EpochCount}: {Describe(lossName, progress.Loss, progress.Accuracy)}{validation}; "
                + $"{progress.RowsPerSecond:F0} rows/s, {(long)progress.TimeLeft.TotalHours:00}:{progress.TimeLeft:mm\\:ss} left."));
            if (progress.DampingRaised > 0)
            {
                run.Warn(
                    $"In epoch {progress.Epoch} the damping had to be multiplied by ten {progress.DampingRaised} times before a step could be "
                    + "solved. Raise Damping if this goes on.");
            }
        }

        _settings.MetricsCallback?.Invoke(progress);
    }

    private static string Describe(string name, double loss, double? accuracy) => accuracy is null
        ? FormattableString.Invariant($"{name} {loss:G4}")
        : FormattableString.Invariant($"{name} {loss:F4}, accuracy {accuracy:F4}");
}
