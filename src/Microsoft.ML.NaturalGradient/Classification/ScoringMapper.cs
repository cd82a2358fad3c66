using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Adds PredictedLabel and Score to the rows of one schema.</summary>
internal sealed class ScoringMapper : IRowToRowMapper
{
    /// <summary>Checks the schema.</summary>
    /// <param name="host">The host.</param>
    /// <param name="model">The model; owned by the caller.</param>
    /// <param name="columns">What to read and write.</param>
    /// <param name="input">Schema of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A text column is not there or is not text.</exception>
    public ScoringMapper(IHost host, TextClassificationModel model, TextColumns columns, DataViewSchema input)
    {
        foreach (var name in columns.Sentences)
        {
            var column = input.GetColumnOrNull(name) ?? throw host.ExceptSchemaMismatch(nameof(input), "text", name);
            if (column.Type is not TextDataViewType)
            {
                throw host.ExceptSchemaMismatch(nameof(input), "text", name, "String", column.Type.ToString());
            }
        }

        Model = model;
        Columns = columns;
        InputSchema = input;
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        builder.AddColumn(
            columns.PredictedLabel, new KeyDataViewType(typeof(uint), model.Labels.Count), Annotations("PredictedLabel", AnnotationUtils.Kinds.KeyValues));
        builder.AddColumn(
            columns.Score, new VectorDataViewType(NumberDataViewType.Single, model.Labels.Count), Annotations("Score", AnnotationUtils.Kinds.TrainingLabelValues));
        OutputSchema = builder.ToSchema();
    }

    /// <summary>The model.</summary>
    public TextClassificationModel Model { get; }

    /// <summary>The columns.</summary>
    public TextColumns Columns { get; }

    /// <inheritdoc/>
    public DataViewSchema InputSchema { get; }

    /// <inheritdoc/>
    public DataViewSchema OutputSchema { get; }

    private int PredictedLabelIndex => InputSchema.Count;

    private int ScoreIndex => InputSchema.Count + 1;

    /// <summary>Whether one of the columns needs the model.</summary>
    public bool NeedsScores(IEnumerable<DataViewSchema.Column> columns) => columns.Any(column => column.Index >= InputSchema.Count);

    /// <summary>The text columns of the input.</summary>
    public IEnumerable<DataViewSchema.Column> TextInputs => Columns.Sentences.Distinct().Select(name => InputSchema[name]);

    /// <summary>The input columns that are asked for as they are.</summary>
    public IEnumerable<DataViewSchema.Column> PassedThrough(IEnumerable<DataViewSchema.Column> columns) =>
        columns.Where(column => column.Index < InputSchema.Count).Select(column => InputSchema[column.Index]);

    /// <inheritdoc/>
    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var columns = dependingColumns.ToArray();
        var needed = PassedThrough(columns);
        return NeedsScores(columns) ? needed.Concat(TextInputs).DistinctBy(column => column.Index) : needed;
    }

    /// <inheritdoc/>
    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new ScoringRow(this, input, activeColumns);

    /// <summary>Reads an output column.</summary>
    /// <param name="column">Index of the column in the output schema.</param>
    /// <param name="scores">Gives the current row's probabilities, [C].</param>
    /// <returns>A <see cref="ValueGetter{TValue}"/> of the column's type.</returns>
    public Delegate OutputGetter(int column, Func<float[]> scores)
    {
        if (column == ScoreIndex)
        {
            return (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
            {
                var row = scores();
                var editor = VBufferEditor.Create(ref value, row.Length);
                row.CopyTo(editor.Values);
                value = editor.Commit();
            });
        }

        return (ValueGetter<uint>)((ref uint value) =>
        {
            var row = scores();
            value = (uint)Array.IndexOf(row, row.Max()) + 1;
        });
    }

    private DataViewSchema.Annotations Annotations(string valueKind, string labelKind)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        Model.Labels.Annotate(builder, labelKind);
        if (labelKind == AnnotationUtils.Kinds.TrainingLabelValues)
        {
            var names = new VBuffer<ReadOnlyMemory<char>>(Model.Labels.Count, [.. Model.Labels.Names.Select(name => name.AsMemory())]);
            builder.AddSlotNames(names.Length, (ref VBuffer<ReadOnlyMemory<char>> value) => names.CopyTo(ref value));
        }

        var setId = InputSchema.GetMaxAnnotationKind(out _, AnnotationUtils.Kinds.ScoreColumnSetId) + 1;
        builder.Add(AnnotationUtils.Kinds.ScoreColumnSetId, AnnotationUtils.ScoreColumnSetIdType, (ref uint value) => value = setId);
        AddText(builder, AnnotationUtils.Kinds.ScoreColumnKind, AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification);
        AddText(builder, AnnotationUtils.Kinds.ScoreValueKind, valueKind);
        return builder.ToAnnotations();
    }

    private static void AddText(DataViewSchema.Annotations.Builder builder, string kind, string text) =>
        builder.Add(kind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = text.AsMemory());
}
