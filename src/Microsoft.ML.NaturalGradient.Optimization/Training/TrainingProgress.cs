namespace Microsoft.ML.NaturalGradient;

/// <summary>Where a training run is: reported after every step and once more at the end of every epoch.</summary>
public sealed record TrainingProgress
{
    /// <summary>Epoch, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Epochs of the whole run, unless it stops early or its <c>TimeBudget</c> ends it.</summary>
    public required int EpochCount { get; init; }

    /// <summary>Step within the epoch, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>Steps in an epoch.</summary>
    public required int StepCount { get; init; }

    /// <summary>Whether this report sums up an epoch; otherwise it describes one step.</summary>
    public required bool EndOfEpoch { get; init; }

    /// <summary>
    /// Mean training loss of a row: of the batch before its step, or of all rows of the epoch. In nats; for numbers as labels the mean
    /// squared error, in squared units of the label.
    /// </summary>
    public required double Loss { get; init; }

    /// <summary>
    /// Fraction of training rows predicted right, each as often as it counts, from 0 to 1: of the batch before its step, or of the epoch; null for numbers as labels.
    /// </summary>
    public required double? Accuracy { get; init; }

    /// <summary>Learning rate of the last step: that of the schedule, or the step length that the optimizer chose itself.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Training rows per second since the run began.</summary>
    public required double RowsPerSecond { get; init; }

    /// <summary>Estimated time until the last epoch ends, or until the end of the trainer's <c>TimeBudget</c> where that is sooner.</summary>
    public required TimeSpan TimeLeft { get; init; }

    /// <summary>Largest divided by smallest norm of the per-sample gradients in the last step; null where the optimizer does not see them.</summary>
    public double? GradientNormSpread { get; init; }

    /// <summary>
    /// Estimated condition number of the damped Gram system: of the step, or the largest of the epoch; null where the optimizer solves none.
    /// </summary>
    public double? Condition { get; init; }

    /// <summary>
    /// Rows left out of the update because their gradient is zero or not finite: of the step, or of all steps of the epoch.
    /// </summary>
    public int DeadRows { get; init; }

    /// <summary>
    /// How often the damping had to be multiplied by ten before the Gram system could be solved: in the step, or in all steps of the epoch.
    /// </summary>
    public int DampingRaised { get; init; }

    /// <summary>How good update directions are on the batch before its step; null except at the steps that a <see cref="QualityProbe"/> asks for.</summary>
    public QualityReport? Quality { get; init; }

    /// <summary>
    /// What <see cref="QualityProbe.BatchesPerEpoch"/> asked for: a report for each batch, at the weights at the end of the epoch; empty in other reports.
    /// <see cref="QualityReport.Average(IEnumerable{QualityReport})"/> makes means of them.
    /// </summary>
    public IReadOnlyList<QualityReport> EpochQuality { get; init; } = [];

    /// <summary>Mean validation loss of a row, in the unit of <see cref="Loss"/>; null in the middle of an epoch and without validation rows.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>
    /// Fraction of validation rows predicted right, each as often as it counts, from 0 to 1; null in the middle of an epoch, without validation rows, and for numbers
    /// as labels.
    /// </summary>
    public double? ValidationAccuracy { get; init; }
}
