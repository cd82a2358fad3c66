using System.Globalization;
using Samples;

namespace TextTasksSample;

/// <summary>Reads named columns of a text file.</summary>
/// <param name="FilePath">The file.</param>
/// <param name="Encoding">Name of its encoding; null to find it.</param>
internal sealed record DataTable(string FilePath, string? Encoding = null)
{
    /// <summary>The shipped file of a name.</summary>
    public static string Shipped(string name) => Path.Combine(AppContext.BaseDirectory, "data", name);

    /// <summary>The values of the columns, for each row; no value is empty.</summary>
    /// <exception cref="UsageException">The file is missing, not a table, lacks a column or a value.</exception>
    public IReadOnlyList<string[]> Read(params string[] columns) => Read(columns, null);

    /// <summary>The values of the columns, for each row; no value is empty but in one of them.</summary>
    /// <param name="columns">The columns.</param>
    /// <param name="optional">The column whose values may be empty; null for none.</param>
    /// <exception cref="UsageException">The file is missing, not a table, lacks a column or a value.</exception>
    public IReadOnlyList<string[]> Read(string[] columns, string? optional)
    {
        if (!File.Exists(FilePath))
        {
            throw new UsageException($"There is no file \"{FilePath}\".");
        }

        var (text, _) = TextEncoding.Decode(File.ReadAllBytes(FilePath), FilePath, Encoding);
        var table = SeparatedText.Parse(text, columns, FilePath);
        var places = Array.ConvertAll(columns, column => IndexOf(table, column));
        var rows = table.Rows.Select(row => Array.ConvertAll(places, place => row[place])).ToArray();
        var (incomplete, empty) = rows.Index().SelectMany(row => columns.Where((column, i) => column != optional && row.Item[i].Length == 0), (row, column) => (row.Index, column)).FirstOrDefault();
        return empty is null
            ? rows
            : throw new UsageException($"Row {incomplete + 1} of \"{FilePath}\" has no {empty}. Complete it or remove it.");
    }

    /// <summary>A number as it stands in a file, with a point.</summary>
    public float Number(string value, int row) =>
        float.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && float.IsFinite(number)
            ? number
            : throw new UsageException($"Row {row + 1} of \"{FilePath}\" has \"{value}\" where a number should be, such as 2.5.");

    /// <summary>A place in a text.</summary>
    public int Place(string value, int row) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var place)
        ? place
        : throw new UsageException($"Row {row + 1} of \"{FilePath}\" has \"{value}\" where a whole number from 0 should be.");

    private int IndexOf(SeparatedText table, string column)
    {
        var index = table.Header.ToList().IndexOf(column);
        return index >= 0
            ? index
            : throw new UsageException($"\"{FilePath}\" has no column \"{column}\"; its header names {string.Join(", ", table.Header.Select(name => $"\"{name}\""))}, separated by {table.Separator}.");
    }
}
