namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Rows that were read and wait to be scored together.</summary>
internal interface IPendingRows
{
    /// <summary>Reads the current row.</summary>
    void Add();

    /// <summary>Scores the rows that wait, and starts anew, even where it throws.</summary>
    /// <returns>The predictions of each row, in order.</returns>
    IReadOnlyList<RowScores> Score();
}
