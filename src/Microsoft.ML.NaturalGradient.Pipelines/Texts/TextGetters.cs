namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Reads the text or pair of the current row.</summary>
internal sealed class TextGetters
{
    private readonly ValueGetter<ReadOnlyMemory<char>> _first;
    private readonly ValueGetter<ReadOnlyMemory<char>>? _second;
    private ReadOnlyMemory<char> _buffer;

    /// <summary>Prepares reading.</summary>
    /// <param name="row">The row or cursor, with the text columns active.</param>
    /// <param name="columns">The columns.</param>
    public TextGetters(DataViewRow row, TextColumns columns)
    {
        _first = row.GetGetter<ReadOnlyMemory<char>>(row.Schema[columns.Sentence1]);
        _second = columns.Sentence2 is null ? null : row.GetGetter<ReadOnlyMemory<char>>(row.Schema[columns.Sentence2]);
    }

    /// <summary>Reads the current row.</summary>
    /// <returns>The text, empty where it is missing, and the second text of a pair.</returns>
    public (string Text, string? Pair) Read()
    {
        var text = Read(_first);
        return (text, _second is null ? null : Read(_second));
    }

    private string Read(ValueGetter<ReadOnlyMemory<char>> getter)
    {
        getter(ref _buffer);
        return _buffer.ToString();
    }
}
