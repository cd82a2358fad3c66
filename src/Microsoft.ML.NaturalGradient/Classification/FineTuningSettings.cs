namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Settings that all trainers share, whatever their options call them.</summary>
internal sealed record FineTuningSettings
{
    /// <summary>The optimizer.</summary>
    public required OptimizerOptions Optimizer { get; init; }

    /// <summary>The pretrained model to start from.</summary>
    public required PretrainedModel Model { get; init; }

    /// <summary>What is trained besides the head.</summary>
    public required AdapterOptions Adapter { get; init; }

    /// <summary>Rows of a training step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Passes over the training rows.</summary>
    public required int EpochCount { get; init; }

    /// <summary>What the user calls <see cref="EpochCount"/>.</summary>
    public required string EpochCountName { get; init; }

    /// <summary>Fraction of the training rows set aside to watch the training on.</summary>
    public required double ValidationSetFraction { get; init; }

    /// <summary>When to stop before the last epoch; null for never.</summary>
    public required EarlyStopping? EarlyStopping { get; init; }

    /// <summary>Called with reports; null for nobody.</summary>
    public required Action<TrainingProgress>? MetricsCallback { get; init; }

    /// <summary>Stops the training.</summary>
    public required CancellationToken CancellationToken { get; init; }

    /// <summary>Whether a saved model holds the pretrained weights.</summary>
    public required bool SaveBaseModel { get; init; }

    /// <summary>What to measure about update directions; null for nothing.</summary>
    public required QualityProbe? Probe { get; init; }

    /// <summary>Whether a run that goes wrong is taken back.</summary>
    public required bool RecoverFromDivergence { get; init; }

    /// <summary>Where the run leaves its state; null for nowhere.</summary>
    public required string? CheckpointFolder { get; init; }

    /// <summary>How often.</summary>
    public required CheckpointInterval CheckpointEvery { get; init; }

    /// <summary>Whether to go on from a state that is there.</summary>
    public required bool Resume { get; init; }

    /// <summary>Throws when a setting is out of range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Optimizer);
        ArgumentNullException.ThrowIfNull(Model);
        ArgumentNullException.ThrowIfNull(Adapter);
        Check(BatchSize >= 1, nameof(BatchSize), BatchSize, "Use at least 1 row, for example 32.");
        Check(EpochCount >= 1, EpochCountName, EpochCount, "Use at least 1 epoch.");
        Check(
            ValidationSetFraction is >= 0 and < 1, nameof(ValidationSetFraction), ValidationSetFraction,
            "Use 0 for no validation rows, or a fraction less than 1, for example 0.1.");
        Optimizer.Validate();
        Adapter.Validate();
        EarlyStopping?.Validate();
        Probe?.Validate();
        ArgumentNullException.ThrowIfNull(CheckpointEvery);
        CheckpointEvery.Validate();
        if (CheckpointFolder is not null)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(CheckpointFolder);
        }
    }

    /// <summary>Throws when a setting is out of range.</summary>
    /// <param name="legal">Whether it is in range.</param>
    /// <param name="name">Name of the setting.</param>
    /// <param name="value">Its value.</param>
    /// <param name="advice">What to do.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="legal"/> is false.</exception>
    public static void Check(bool legal, string name, double value, string advice)
    {
        if (!legal)
        {
            throw new ArgumentOutOfRangeException(name, FormattableString.Invariant($"{name} is {value}. {advice}"));
        }
    }
}
