namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The predictions of one row; each kind of row derives from this.</summary>
/// <param name="values">The predictions, [K].</param>
internal abstract class RowScores(float[] values)
{
    /// <summary>The predictions, [K].</summary>
    public float[] Values { get; } = values;
}
