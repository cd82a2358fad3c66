namespace Samples;

/// <summary>The rows of a text with a separator between its values; the first row names the columns.</summary>
/// <remarks>
/// Values may be in quotes as RFC 4180 says, whatever the separator. A quote that does not end where its value ends is taken as it is. Where a
/// text can be read with line ends inside quotes and without, the reading in which each row has as many values as the header counts; of two such,
/// the one by lines where tabs separate, since sentences in such files may begin with a quote, and the other where commas do.
/// </remarks>
internal sealed class SeparatedText
{
    private static readonly (char Character, string Name)[] Known = [(',', "commas"), (';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")];

    private readonly string _file;

    private SeparatedText(string separator, IReadOnlyList<string> header, IReadOnlyList<string[]> rows, string file) =>
        (Separator, Header, Rows, _file) = (separator, header, rows, file);

    /// <summary>What separates the values, in words.</summary>
    public string Separator { get; }

    /// <summary>Names of the columns.</summary>
    public IReadOnlyList<string> Header { get; }

    /// <summary>Values of each row, as many as the header has; without white space around them.</summary>
    public IReadOnlyList<string[]> Rows { get; }

    /// <summary>Reads a text; the separator is the one by which the first line has the columns asked for, or else the most columns.</summary>
    /// <param name="text">The text.</param>
    /// <param name="columns">Columns that the caller needs.</param>
    /// <param name="file">The file, for messages.</param>
    /// <exception cref="UsageException">There is no header, or a row has not as many values as the header.</exception>
    public static SeparatedText Parse(string text, IReadOnlyCollection<string> columns, string file)
    {
        var (separator, name) = Known.MaxBy(known =>
        {
            var header = Records(text, known.Character, linesInQuotes: true).FirstOrDefault()?.Values ?? [];
            return (columns.All(header.Contains), header.Count);
        });
        bool[] orders = separator == '\t' ? [false, true] : [true, false];
        var records = orders.Select(linesInQuotes => Records(text, separator, linesInQuotes).ToList()).MinBy(reading => reading.Count(record => !Fits(record, reading[0])))!;
        if (records.Count == 0)
        {
            throw new UsageException($"\"{file}\" is empty. Its first line should name the columns.");
        }

        if (records.Find(record => !Fits(record, records[0])) is { } wrong)
        {
            throw new UsageException(
                $"Line {wrong.Line} of \"{file}\" has {wrong.Values.Count} values, but the header names {records[0].Values.Count} columns, separated by {name}. "
                + "Put quotes around values that hold the separator or a line end, or correct the line.");
        }

        var count = records[0].Values.Count;
        return new SeparatedText(name, records[0].Values, [.. records.Skip(1).Select(record => record.Values.Take(count).ToArray())], file);
    }

    /// <summary>A value as <see cref="Parse"/> reads it: in quotes where it would be taken for several.</summary>
    /// <param name="value">The value.</param>
    /// <param name="separator">What stands between values.</param>
    public static string Quote(string value, char separator) =>
        value.AsSpan().IndexOfAny([separator, '"', '\r', '\n']) < 0 ? value : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>The place of a column.</summary>
    /// <param name="column">Its name.</param>
    /// <param name="option">The option that names another.</param>
    /// <exception cref="UsageException">There is no such column.</exception>
    public int IndexOf(string column, string option)
    {
        var index = Header.ToList().IndexOf(column);
        return index >= 0
            ? index
            : throw new UsageException(
                $"\"{_file}\" has no column \"{column}\"; its header names {string.Join(", ", Header.Select(name => $"\"{name}\""))}, "
                + $"separated by {Separator}. Choose one with {option}.");
    }

    // Spreadsheets write empty values behind the last column.
    private static bool Fits(Record record, Record header) =>
        record.Values.Count >= header.Values.Count && record.Values.Skip(header.Values.Count).All(value => value.Length == 0);

    private static IEnumerable<Record> Records(string text, char separator, bool linesInQuotes)
    {
        var record = new Record(1, []);
        for (int position = 0, line = 1; position <= text.Length;)
        {
            var start = position;
            if (!TryQuoted(text, start, separator, linesInQuotes, out var value, out var end))
            {
                var length = text.AsSpan(start).IndexOfAny(separator, '\r', '\n');
                end = length < 0 ? text.Length : start + length;
                value = text[start..end];
            }

            record.Values.Add(value.Trim());
            position = end + 1;
            line += text.AsSpan(start, end - start).Count('\n');
            if (end < text.Length && text[end] == separator)
            {
                continue;
            }

            position += end + 1 < text.Length && text[end] == '\r' && text[end + 1] == '\n' ? 1 : 0;
            line++;
            if (record.Values.Exists(found => found.Length > 0))
            {
                yield return record;
            }

            record = new Record(line, []);
        }
    }

    private static bool TryQuoted(string text, int start, char separator, bool linesInQuotes, out string value, out int end)
    {
        (value, end) = ("", start);
        if (start == text.Length || text[start] != '"')
        {
            return false;
        }

        for (var place = start + 1; place < text.Length && (linesInQuotes || text[place] is not ('\r' or '\n')); place++)
        {
            if (text[place] != '"')
            {
                continue;
            }

            end = place + 1;
            if (end == text.Length || text[end] == separator || text[end] is '\r' or '\n')
            {
                value = text[(start + 1)..place].Replace("\"\"", "\"", StringComparison.Ordinal);
                return true;
            }

            if (text[end] != '"')
            {
                return false;
            }

            place++; // two quotes stand for one
        }

        return false;
    }

    private sealed record Record(int Line, List<string> Values);
}
