namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The predictions of one row; a task that predicts more than numbers derives from this.</summary>
/// <param name="values">The predictions, [K].</param>
internal class RowScores(float[] values)
{
    /// <summary>The predictions, [K].</summary>
    public float[] Values { get; } = values;
}
