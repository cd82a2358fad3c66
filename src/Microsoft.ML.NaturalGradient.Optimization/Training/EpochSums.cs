using System.Text.Json.Serialization;
using Microsoft.ML.NaturalGradient.Optimization;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>What the steps of an epoch add up to.</summary>
internal sealed record EpochSums
{
    /// <summary>Sum of the losses of all rows, each as often as it counts.</summary>
    public double Loss { get; init; }

    /// <summary>Rows predicted right, each as often as it counts; null where labels are no classes.</summary>
    public double? Correct { get; init; } = 0;

    /// <summary>Rows.</summary>
    public long Rows { get; init; }

    /// <summary>Rows, each as often as it counts; zero in the states of earlier versions, where each counted once.</summary>
    public double Weight { get; init; }

    /// <summary>The mean loss of a row.</summary>
    [JsonIgnore]
    public double MeanLoss => Loss / (Weight > 0 ? Weight : Rows);

    /// <summary>Share of the rows predicted right; null where labels are no classes.</summary>
    [JsonIgnore]
    public double? Accuracy => Correct / (Weight > 0 ? Weight : Rows);

    /// <summary>Largest condition number of a solve; null for none.</summary>
    public double? Condition { get; init; }

    /// <summary>Rows that took no part in a solve.</summary>
    public int DeadRows { get; init; }

    /// <summary>How often damping was raised.</summary>
    public int DampingRaised { get; init; }

    /// <summary>Learning rate of the last step.</summary>
    public double LearningRate { get; init; }

    /// <summary>Largest divided by smallest per-sample gradient norm of the last step; null where there are none.</summary>
    public double? GradientNormSpread { get; init; }

    /// <summary>Adds a step.</summary>
    /// <param name="evaluation">Its batch.</param>
    /// <param name="loss">Mean loss of a row before it.</param>
    /// <param name="correct">Rows predicted right, each as often as it counts; null where labels are no classes.</param>
    /// <param name="diagnostics">What the optimizer tells.</param>
    /// <param name="rate">The planned learning rate.</param>
    public EpochSums Plus(BatchEvaluation evaluation, double loss, double? correct, StepDiagnostics diagnostics, double rate) => new()
    {
        Loss = Loss + (loss * evaluation.Weights.Sum),
        Correct = Correct + correct,
        Rows = Rows + evaluation.SampleCount,
        Weight = (Weight > 0 ? Weight : Rows) + evaluation.Weights.Sum,
        Condition = Condition is null || diagnostics.Condition > Condition ? diagnostics.Condition : Condition,
        DeadRows = DeadRows + diagnostics.DeadRows,
        DampingRaised = DampingRaised + diagnostics.DampingRaised,
        LearningRate = diagnostics.LearningRate ?? rate,
        GradientNormSpread = diagnostics.LargestGradientNorm / diagnostics.SmallestGradientNorm,
    };
}
