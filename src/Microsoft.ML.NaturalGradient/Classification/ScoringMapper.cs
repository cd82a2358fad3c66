using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Adds the predictions to the rows of one schema.</summary>
internal sealed class ScoringMapper : IRowToRowMapper
{
    private readonly IReadOnlyList<ScoringOutput> _outputs;

    /// <summary>Checks the schema.</summary>
    /// <param name="host">The host.</param>
    /// <param name="scorer">The trained network; owned by the caller.</param>
    /// <param name="columns">What to read and write.</param>
    /// <param name="input">Schema of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A text column is not there or is not text.</exception>
    public ScoringMapper(IHost host, TextScorer scorer, TextColumns columns, DataViewSchema input)
    {
        foreach (var name in columns.Sentences)
        {
            var column = input.GetColumnOrNull(name) ?? throw host.ExceptSchemaMismatch(nameof(input), "text", name);
            if (column.Type is not TextDataViewType)
            {
                throw host.ExceptSchemaMismatch(nameof(input), "text", name, "String", column.Type.ToString());
            }
        }

        Scorer = scorer;
        Columns = columns;
        InputSchema = input;
        _outputs = scorer.Task.Outputs(columns, input);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        foreach (var output in _outputs)
        {
            builder.AddColumn(output.Name, output.Type, output.Annotations);
        }

        OutputSchema = builder.ToSchema();
    }

    /// <summary>The trained network.</summary>
    public TextScorer Scorer { get; }

    /// <summary>The columns.</summary>
    public TextColumns Columns { get; }

    /// <inheritdoc/>
    public DataViewSchema InputSchema { get; }

    /// <inheritdoc/>
    public DataViewSchema OutputSchema { get; }

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
    /// <param name="scores">Gives the current row's predictions, [K].</param>
    /// <returns>A <see cref="ValueGetter{TValue}"/> of the column's type.</returns>
    public Delegate OutputGetter(int column, Func<float[]> scores) => _outputs[column - InputSchema.Count].Getter(scores);
}
