using Microsoft.ML.NaturalGradient.Evaluation;

namespace Microsoft.ML.NaturalGradient;

/// <summary>How well classes are predicted where rows may have several or none: what <c>EvaluateMultiLabel</c> returns.</summary>
/// <remarks>
/// As scikit-learn's metrics of the same names, with <c>zero_division=0</c>: a ratio of nothing to nothing is 0. Micro means: all pairs of a row and a class count alike, so that frequent classes weigh more.
/// Macro means: all classes count alike.
/// </remarks>
public sealed class MultiLabelMetrics
{
    internal MultiLabelMetrics()
    {
    }

    /// <summary>Share of the predicted labels that are right.</summary>
    /// <value>From 0 to 1; 0 where none was predicted.</value>
    public double MicroPrecision { get; internal init; }

    /// <summary>Share of the labels that were predicted.</summary>
    /// <value>From 0 to 1; 0 where there is none.</value>
    public double MicroRecall { get; internal init; }

    /// <summary>Harmonic mean of <see cref="MicroPrecision"/> and <see cref="MicroRecall"/>.</summary>
    /// <value>From 0 to 1; 0 where both are.</value>
    public double MicroF1 { get; internal init; }

    /// <summary>Mean of <see cref="MultiLabelClassMetrics.F1"/> over all classes; one that no row has and none was predicted to have counts as 0.</summary>
    /// <value>From 0 to 1.</value>
    public double MacroF1 { get; internal init; }

    /// <summary>Mean of <see cref="MultiLabelClassMetrics.AveragePrecision"/> over the classes that some row has; it needs no threshold.</summary>
    /// <value>From 0 to 1; not a number where no row has any class.</value>
    public double MeanAveragePrecision { get; internal init; }

    /// <summary>Share of the rows for which exactly the right classes were predicted.</summary>
    /// <value>From 0 to 1.</value>
    public double SubsetAccuracy { get; internal init; }

    /// <summary>Share of the pairs of a row and a class of which the prediction says the wrong thing.</summary>
    /// <value>From 0, the best, to 1.</value>
    public double HammingLoss { get; internal init; }

    /// <summary>Rows.</summary>
    /// <value>At least 1.</value>
    public long Count { get; internal init; }

    /// <summary>The same for each class, in the order of the label's keys.</summary>
    public IReadOnlyList<MultiLabelClassMetrics> PerClass { get; internal init; } = [];

    /// <summary>The metrics as a table with a line for each class.</summary>
    public override string ToString() => string.Join(
        Environment.NewLine,
        TextTable.Format(
            ["class", "precision", "recall", "F1", "average precision", "rows"],
            PerClass.Select(one => new object[] { one.Name, one.Precision, one.Recall, one.F1, one.AveragePrecision, one.Support })
                .Append(["(all)", MicroPrecision, MicroRecall, MicroF1, MeanAveragePrecision, Count])),
        FormattableString.Invariant($"macro F1 {MacroF1:F3}, subset accuracy {SubsetAccuracy:F3}, Hamming loss {HammingLoss:F3}"));
}
