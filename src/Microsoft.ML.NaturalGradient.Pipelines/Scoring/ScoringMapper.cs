using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Adds the predictions to the rows of one schema.</summary>
internal sealed class ScoringMapper : IRowToRowMapper
{
    private readonly IHost _host;
    private readonly IRowScorer _scorer;
    private readonly IReadOnlyList<ScoringOutput> _outputs;

    /// <summary>Checks the schema.</summary>
    /// <param name="host">The host.</param>
    /// <param name="scorer">The trained network; owned by the caller.</param>
    /// <param name="input">Schema of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column that is read is not there or has the wrong type.</exception>
    public ScoringMapper(IHost host, IRowScorer scorer, DataViewSchema input)
    {
        scorer.Columns.CheckFeatures(host, SchemaShape.Create(input));
        _host = host;
        _scorer = scorer;
        InputSchema = input;
        _outputs = scorer.Outputs(input);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        foreach (var output in _outputs)
        {
            builder.AddColumn(output.Name, output.Type, output.Annotations);
        }

        OutputSchema = builder.ToSchema();
    }

    /// <summary>Most rows that are read ahead.</summary>
    public int LargestWindow => _scorer.LargestWindow;

    /// <inheritdoc/>
    public DataViewSchema InputSchema { get; }

    /// <inheritdoc/>
    public DataViewSchema OutputSchema { get; }

    /// <summary>Whether one of the columns needs the model.</summary>
    public bool NeedsScores(IEnumerable<DataViewSchema.Column> columns) => columns.Any(column => column.Index >= InputSchema.Count);

    /// <summary>The columns that the network reads.</summary>
    public IEnumerable<DataViewSchema.Column> ScoredInputs => _scorer.Columns.Features.Distinct().Select(name => InputSchema[name]);

    /// <summary>The input columns that are asked for as they are.</summary>
    public IEnumerable<DataViewSchema.Column> PassedThrough(IEnumerable<DataViewSchema.Column> columns) =>
        columns.Where(column => column.Index < InputSchema.Count).Select(column => InputSchema[column.Index]);

    /// <summary>The columns by which is seen that two cursors stand at the same row: the texts that are scored, or, of pictures without a path, what passes through.</summary>
    /// <param name="passed">The input columns that are asked for as they are.</param>
    public DataViewSchema.Column[] Compared(IEnumerable<DataViewSchema.Column> passed)
    {
        DataViewSchema.Column[] texts = [.. ScoredInputs.Where(column => column.Type is TextDataViewType)];
        return texts.Length > 0 ? texts : [.. passed.Where(RowHash.IsCheap)];
    }

    /// <inheritdoc/>
    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        var columns = dependingColumns.ToArray();
        var needed = PassedThrough(columns);
        return NeedsScores(columns) ? needed.Concat(ScoredInputs).DistinctBy(column => column.Index) : needed;
    }

    /// <inheritdoc/>
    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new ScoringRow(this, input, activeColumns);

    /// <summary>Prepares reading rows for the network.</summary>
    /// <param name="row">The row or cursor, with <see cref="ScoredInputs"/> active.</param>
    /// <returns>Collects rows.</returns>
    public IPendingRows Open(DataViewRow row) => _scorer.Open(row, _host);

    /// <summary>Reads an output column.</summary>
    /// <param name="column">Index of the column in the output schema.</param>
    /// <param name="scores">Gives the current row's predictions.</param>
    /// <returns>A <see cref="ValueGetter{TValue}"/> of the column's type.</returns>
    public Delegate OutputGetter(int column, Func<RowScores> scores) => _outputs[column - InputSchema.Count].Getter(scores);
}
