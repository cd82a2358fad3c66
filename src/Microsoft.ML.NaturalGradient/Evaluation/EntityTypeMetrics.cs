using Microsoft.ML.NaturalGradient.Evaluation;

namespace Microsoft.ML.NaturalGradient;

/// <summary>How well the entities of one type are found; a part of <see cref="NamedEntityMetrics"/>.</summary>
public sealed class EntityTypeMetrics
{
    internal EntityTypeMetrics(MatchCounts counts)
    {
        Precision = counts.Precision;
        Recall = counts.Recall;
        F1 = counts.F1;
        EntityCount = counts.Actual;
        PredictedCount = counts.Predicted;
        CorrectCount = counts.Correct;
    }

    /// <summary>Share of the predicted entities of this type that are right.</summary>
    /// <value>From 0 to 1; 0 where none was predicted.</value>
    public double Precision { get; }

    /// <summary>Share of the labelled entities of this type that were found.</summary>
    /// <value>From 0 to 1; 0 where there is none.</value>
    public double Recall { get; }

    /// <summary>Harmonic mean of <see cref="Precision"/> and <see cref="Recall"/>.</summary>
    /// <value>From 0 to 1; 0 where both are.</value>
    public double F1 { get; }

    /// <summary>Labelled entities.</summary>
    public long EntityCount { get; }

    /// <summary>Predicted entities.</summary>
    public long PredictedCount { get; }

    /// <summary>Predicted entities that are right.</summary>
    public long CorrectCount { get; }
}
