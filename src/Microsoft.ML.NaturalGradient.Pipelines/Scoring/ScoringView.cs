using Microsoft.ML.Model.OnnxConverter;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Data with predictions, computed in batches when they are read.</summary>
/// <param name="input">The data.</param>
/// <param name="mapper">What is added to it.</param>
/// <param name="saveOnnx">Adds what the mapper does to a graph of ML.NET's converter; null where that cannot be done.</param>
internal sealed class ScoringView(IDataView input, ScoringMapper mapper, Action<OnnxContext, DataViewSchema>? saveOnnx) : ITransformCanSaveOnnx
{
    /// <inheritdoc/>
    public IDataView Source => input;

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
        var passed = mapper.PassedThrough(columns).ToArray();
        var isScored = mapper.NeedsScores(columns);
        var compared = isScored && passed.Length > 0 ? mapper.Compared(passed) : [];
        var rows = passed.Length > 0 || !isScored ? Open([.. passed, .. compared]) : null;
        return new ScoringCursor(mapper, rows, isScored ? Open([.. mapper.ScoredInputs, .. compared]) : null, columns, compared);

        DataViewRowCursor Open(IEnumerable<DataViewSchema.Column> needed) => input.GetRowCursor(needed.DistinctBy(column => column.Index));
    }

    /// <inheritdoc/>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];

    /// <inheritdoc/>
    /// <remarks>Never false: the converter would leave the model out, with no more than a warning.</remarks>
    public bool CanSaveOnnx(OnnxContext ctx) => saveOnnx is not null ? true
        : throw new NotSupportedException("The pipeline scores an ONNX graph already, which cannot be converted once more. Convert the pipeline that it was saved from.");

    /// <inheritdoc/>
    public void SaveAsOnnx(OnnxContext ctx) => saveOnnx!(ctx, Schema);

    void ICanSaveModel.Save(ModelSaveContext ctx) => throw new NotSupportedException("Save the transformer, not the data that it gave: mlContext.Model.Save(model, schema, path).");
}
