namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Data with predictions, computed in batches when they are read.</summary>
/// <param name="input">The data.</param>
/// <param name="mapper">What is added to it.</param>
internal sealed class ScoringView(IDataView input, ScoringMapper mapper) : IDataView
{
    /// <inheritdoc/>
    public DataViewSchema Schema => mapper.OutputSchema;

    /// <inheritdoc/>
    /// <remarks>Rows are read ahead by a second cursor, so both must have the same order.</remarks>
    public bool CanShuffle => false;

    /// <inheritdoc/>
    public long? GetRowCount() => input.GetRowCount();

    /// <inheritdoc/>
    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var columns = columnsNeeded.ToArray();
        var rows = input.GetRowCursor(mapper.PassedThrough(columns));
        return new ScoringCursor(mapper, rows, mapper.NeedsScores(columns) ? input.GetRowCursor(mapper.ScoredInputs) : null, columns);
    }

    /// <inheritdoc/>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];
}
