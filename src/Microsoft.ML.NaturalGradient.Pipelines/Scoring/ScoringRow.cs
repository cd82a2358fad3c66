using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>One row at a time, for a prediction engine: scored when an output is first read, once per position.</summary>
internal sealed class ScoringRow : DataViewRow
{
    private readonly ScoringMapper _mapper;
    private readonly DataViewRow _input;
    private readonly HashSet<int> _active;
    private readonly IPendingRows? _pending;
    private RowScores? _scores;
    private long _scoredPosition = -1;

    /// <summary>Wraps a row.</summary>
    /// <param name="mapper">The mapper.</param>
    /// <param name="input">The row; owned by this object from now on.</param>
    /// <param name="active">The columns that may be read.</param>
    public ScoringRow(ScoringMapper mapper, DataViewRow input, IEnumerable<DataViewSchema.Column> active)
    {
        _mapper = mapper;
        _input = input;
        var columns = active.ToArray();
        _active = [.. columns.Select(column => column.Index)];
        _pending = mapper.NeedsScores(columns) ? mapper.Open(input) : null;
    }

    /// <inheritdoc/>
    public override DataViewSchema Schema => _mapper.OutputSchema;

    /// <inheritdoc/>
    public override long Position => _input.Position;

    /// <inheritdoc/>
    public override long Batch => _input.Batch;

    /// <inheritdoc/>
    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    /// <inheritdoc/>
    public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

    /// <inheritdoc/>
    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => column.Index < _mapper.InputSchema.Count
        ? _input.GetGetter<TValue>(_mapper.InputSchema[column.Index])
        : ScoringGetters.Cast<TValue>(_mapper.OutputGetter(column.Index, Scores), column, IsColumnActive(column));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private RowScores Scores()
    {
        if (_scoredPosition != _input.Position || _scoredPosition < 0)
        {
            _pending!.Add();
            _scores = _pending.Score()[0];
            _scoredPosition = _input.Position;
        }

        return _scores!;
    }
}
