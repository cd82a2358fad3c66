using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Walks through the rows and scores them in batches that a second cursor reads ahead.</summary>
internal sealed class ScoringCursor : DataViewRowCursor
{
    private const int FirstWindow = 32; // small for those who read few rows

    private readonly ScoringMapper _mapper;
    private readonly DataViewRowCursor? _rows;
    private readonly DataViewRowCursor? _ahead;
    private readonly HashSet<int> _active;
    private readonly IPendingRows? _pending;
    private readonly ValueGetter<DataViewRowId>? _rowId;
    private readonly ValueGetter<DataViewRowId>? _aheadId;
    private readonly Func<int>? _rowHash; // null where one cursor is enough
    private readonly Func<int>? _aheadHash;
    private int _window = FirstWindow;
    private (DataViewRowId Id, int Hash)[] _read = [];
    private IReadOnlyList<RowScores> _scores = [];
    private int _current = -1;
    private long _position = -1; // where there is no other cursor to ask

    /// <summary>Wraps one or two cursors over the same rows.</summary>
    /// <param name="mapper">The mapper.</param>
    /// <param name="rows">Reads what passes through; owned by this object from now on. Null where nothing does: the rows are read once then.</param>
    /// <param name="ahead">Reads what is scored; owned by this object from now on. Null when no output is read: the model is not used then. One of both is there.</param>
    /// <param name="active">The columns that may be read.</param>
    /// <param name="compared">Columns of both cursors by which is seen that they stand at the same row.</param>
    public ScoringCursor(
        ScoringMapper mapper, DataViewRowCursor? rows, DataViewRowCursor? ahead, IEnumerable<DataViewSchema.Column> active,
        IReadOnlyList<DataViewSchema.Column> compared)
    {
        _mapper = mapper;
        _rows = rows;
        _ahead = ahead;
        _active = [.. active.Select(column => column.Index)];
        if (ahead is not null)
        {
            _pending = mapper.Open(ahead);
            _aheadId = ahead.GetIdGetter();
        }

        if (rows is not null && ahead is not null)
        {
            _rowId = rows.GetIdGetter();
            (_rowHash, _aheadHash) = (RowHash.Of(rows, compared), RowHash.Of(ahead, compared));
        }
    }

    /// <inheritdoc/>
    public override DataViewSchema Schema => _mapper.OutputSchema;

    /// <inheritdoc/>
    public override long Position => _rows?.Position ?? _position;

    /// <inheritdoc/>
    public override long Batch => 0;

    /// <inheritdoc/>
    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    /// <inheritdoc/>
    public override ValueGetter<DataViewRowId> GetIdGetter() => _rows?.GetIdGetter() ?? ((ref value) => value = _read[_current].Id);

    /// <inheritdoc/>
    public override bool MoveNext()
    {
        if (_rows is null)
        {
            Advance();
            _position++;
            return _scores.Count > 0;
        }

        if (!_rows.MoveNext())
        {
            return _ahead is null || (_current + 1 >= _scores.Count && !_ahead.MoveNext()) ? false : throw NotRepeatable();
        }

        if (_ahead is not null)
        {
            Advance();
            Compare();
        }

        return true;
    }

    /// <inheritdoc/>
    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => column.Index < _mapper.InputSchema.Count
        ? IsColumnActive(column) ? _rows!.GetGetter<TValue>(_mapper.InputSchema[column.Index]) : throw ScoringGetters.NotActive(column)
        : ScoringGetters.Cast<TValue>(_mapper.OutputGetter(column.Index, () => _scores[_current]), column, IsColumnActive(column));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _rows?.Dispose();
            _ahead?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Advance()
    {
        if (++_current >= _scores.Count)
        {
            ReadAhead();
        }
    }

    private void Compare()
    {
        var id = default(DataViewRowId);
        _rowId!(ref id);
        if (_scores.Count == 0 || !id.Equals(_read[_current].Id) || _rowHash!() != _read[_current].Hash)
        {
            throw NotRepeatable();
        }
    }

    private void ReadAhead()
    {
        var read = new List<(DataViewRowId, int)>();
        var id = default(DataViewRowId);
        while (read.Count < _window && _ahead!.MoveNext())
        {
            _pending!.Add();
            _aheadId!(ref id);
            read.Add((id, _aheadHash?.Invoke() ?? 0));
        }

        _scores = read.Count == 0 ? [] : _pending!.Score();
        _read = [.. read];
        _current = 0;
        _window = Math.Min(2 * _window, _mapper.LargestWindow);
    }

    private static InvalidOperationException NotRepeatable() => new(
        "The data gave its rows in another order, other rows, or not as many, when they were read a second time, which scoring in batches does. Give rows that can be read again: "
        + "a list in place of a queue, a stream or a query that shuffles them anew, or mlContext.Data.Cache with the names of all columns that are used.");
}
