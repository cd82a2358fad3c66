using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Walks through the rows and scores them in batches that a second cursor reads ahead.</summary>
internal sealed class ScoringCursor : DataViewRowCursor
{
    private const int FirstWindow = 32; // small for those who read few rows

    private readonly ScoringMapper _mapper;
    private readonly DataViewRowCursor _rows;
    private readonly DataViewRowCursor? _ahead;
    private readonly HashSet<int> _active;
    private readonly IPendingRows? _pending;
    private readonly ValueGetter<DataViewRowId>? _rowId;
    private readonly ValueGetter<DataViewRowId>? _aheadId;
    private int _window = FirstWindow;
    private DataViewRowId[] _ids = [];
    private IReadOnlyList<RowScores> _scores = [];
    private int _current = -1;

    /// <summary>Wraps two cursors over the same rows.</summary>
    /// <param name="mapper">The mapper.</param>
    /// <param name="rows">Reads what passes through; owned by this object from now on.</param>
    /// <param name="ahead">Reads what is scored; owned by this object from now on. Null when no output is read: the model is not used then.</param>
    /// <param name="active">The columns that may be read.</param>
    public ScoringCursor(
        ScoringMapper mapper, DataViewRowCursor rows, DataViewRowCursor? ahead, IEnumerable<DataViewSchema.Column> active)
    {
        _mapper = mapper;
        _rows = rows;
        _ahead = ahead;
        _active = [.. active.Select(column => column.Index)];
        if (ahead is not null)
        {
            _pending = mapper.Open(ahead);
            _rowId = rows.GetIdGetter();
            _aheadId = ahead.GetIdGetter();
        }
    }

    /// <inheritdoc/>
    public override DataViewSchema Schema => _mapper.OutputSchema;

    /// <inheritdoc/>
    public override long Position => _rows.Position;

    /// <inheritdoc/>
    public override long Batch => 0;

    /// <inheritdoc/>
    public override bool IsColumnActive(DataViewSchema.Column column) => _active.Contains(column.Index);

    /// <inheritdoc/>
    public override ValueGetter<DataViewRowId> GetIdGetter() => _rows.GetIdGetter();

    /// <inheritdoc/>
    public override bool MoveNext()
    {
        if (!_rows.MoveNext())
        {
            return false;
        }

        if (_ahead is not null)
        {
            Advance();
        }

        return true;
    }

    /// <inheritdoc/>
    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => column.Index < _mapper.InputSchema.Count
        ? _rows.GetGetter<TValue>(_mapper.InputSchema[column.Index])
        : ScoringGetters.Cast<TValue>(_mapper.OutputGetter(column.Index, () => _scores[_current]), column, IsColumnActive(column));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _rows.Dispose();
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

        var id = default(DataViewRowId);
        _rowId!(ref id);
        if (_scores.Count == 0 || !id.Equals(_ids[_current]))
        {
            throw new InvalidOperationException(
                "The data gave its rows in another order, or fewer of them, when they were read a second time. Fix the order before "
                + "scoring, for example with mlContext.Data.Cache.");
        }
    }

    private void ReadAhead()
    {
        var ids = new List<DataViewRowId>();
        var id = default(DataViewRowId);
        while (ids.Count < _window && _ahead!.MoveNext())
        {
            _pending!.Add();
            _aheadId!(ref id);
            ids.Add(id);
        }

        _scores = _pending!.Score();
        _ids = [.. ids];
        _current = 0;
        _window = Math.Min(2 * _window, _mapper.LargestWindow);
    }
}
