using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>Metrics as lines of text whose columns lie below each other; numbers as everywhere, whatever the culture.</summary>
internal static class TextTable
{
    /// <summary>Lays out a table.</summary>
    /// <param name="heads">What stands above each column.</param>
    /// <param name="rows">Cells: texts, which begin below each other, counts, and numbers, which get three decimals.</param>
    public static string Format(IReadOnlyList<string> heads, IEnumerable<object[]> rows)
    {
        var lines = rows.Select(row => row.Select(Text).ToArray()).Prepend([.. heads]).ToList();
        var widths = heads.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        return string.Join(Environment.NewLine, lines.Select(line =>
            string.Join("  ", line.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])))));
    }

    private static string Text(object cell) => cell is double number
        ? number.ToString("F3", CultureInfo.InvariantCulture)
        : Convert.ToString(cell, CultureInfo.InvariantCulture) ?? "";
}
