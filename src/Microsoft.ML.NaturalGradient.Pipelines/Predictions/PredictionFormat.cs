namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>What the predictions of a network are, as far as scoring knows it: what its outputs are called, and which columns come out.</summary>
internal abstract class PredictionFormat
{
    /// <summary>Outputs K of the network for a row, or for each token.</summary>
    public int OutputCount => OutputNames.Count;

    /// <summary>Names of the outputs: those of the classes.</summary>
    public abstract IReadOnlyList<string> OutputNames { get; }

    /// <summary>What labels are.</summary>
    public abstract LabelKind Kind { get; }

    /// <summary>The columns that a transformer adds.</summary>
    /// <param name="columns">Their names.</param>
    /// <param name="input">Schema of the rows they are added to.</param>
    /// <returns>The columns, in order.</returns>
    public abstract IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input);
}
