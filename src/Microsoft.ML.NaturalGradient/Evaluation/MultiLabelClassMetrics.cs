using Microsoft.ML.NaturalGradient.Evaluation;

namespace Microsoft.ML.NaturalGradient;

/// <summary>How well one class is predicted where rows may have several; a part of <see cref="MultiLabelMetrics"/>.</summary>
public sealed class MultiLabelClassMetrics
{
    internal MultiLabelClassMetrics(string name, MatchCounts counts, double averagePrecision)
    {
        Name = name;
        Precision = counts.Precision;
        Recall = counts.Recall;
        F1 = counts.F1;
        AveragePrecision = averagePrecision;
        Support = counts.Actual;
    }

    /// <summary>Name of the class: the value of its key as text, or the key's number where keys have no values.</summary>
    public string Name { get; }

    /// <summary>Share of the rows predicted to have the class that do.</summary>
    /// <value>From 0 to 1; 0 where it was predicted for none.</value>
    public double Precision { get; }

    /// <summary>Share of the rows with the class for which it was predicted.</summary>
    /// <value>From 0 to 1; 0 where no row has it.</value>
    public double Recall { get; }

    /// <summary>Harmonic mean of <see cref="Precision"/> and <see cref="Recall"/>.</summary>
    /// <value>From 0 to 1; 0 where both are.</value>
    public double F1 { get; }

    /// <summary>How well the scores put rows with the class before others: Σ_n (R_n − R_(n−1)) P_n over the different scores, largest first.</summary>
    /// <value>From 0 to 1; not a number where no row has the class.</value>
    public double AveragePrecision { get; }

    /// <summary>Rows with the class.</summary>
    public long Support { get; }
}
