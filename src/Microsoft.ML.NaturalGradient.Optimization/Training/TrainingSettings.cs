using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>How a run is trained, in checked settings.</summary>
internal sealed record TrainingSettings
{
    /// <summary>The optimizer.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>Classes C, for the optimizer's default learning rate.</summary>
    public required int ClassCount { get; init; }

    /// <summary>Epochs, at least 1.</summary>
    public required int EpochCount { get; init; }

    /// <summary>Time that the run may take, together with what it took before it was interrupted; null for no limit. Zero or less leaves time for one step.</summary>
    public TimeSpan? TimeBudget { get; init; }

    /// <summary>What tells the time.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Seed of the optimizer's own randomness.</summary>
    public required long Seed { get; init; }

    /// <summary>Most rows that are in memory at a time with what gradients need of them; null for whole batches.</summary>
    public int? MicroBatchSize { get; init; }

    /// <summary>The processes that train together; null for this one alone.</summary>
    public ProcessGroup? Processes { get; init; }

    /// <summary>When to stop before the last epoch; null for never. Acts with validation rows only.</summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>What to measure about update directions during training; null for nothing.</summary>
    public QualityProbe? Probe { get; init; }

    /// <summary>Called after every step and every epoch.</summary>
    public Action<TrainingProgress>? Report { get; init; }

    /// <summary>Mean loss of a row about which nothing is known, by which a run that goes wrong is noticed and taken back; null not to.</summary>
    public double? GuessLoss { get; init; }

    /// <summary>Told in a sentence when the run goes wrong and what is done about it.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Told in a sentence that the run goes on, that its time is up and, after the first step, what the optimizer trains in another way than its own.</summary>
    public Action<string>? Notify { get; init; }

    /// <summary>Called before every step; throws to stop the run.</summary>
    public Action? CheckAlive { get; init; }

    /// <summary>Where the run leaves its state and goes on from; owned by the caller. Null for nowhere.</summary>
    public TrainingCheckpoints? Checkpoints { get; init; }
}
