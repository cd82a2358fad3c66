namespace ReplicationSample;

/// <summary>A table.</summary>
/// <param name="Columns">Heads of the columns.</param>
/// <param name="Rows">The rows.</param>
/// <param name="Notes">Sentences below the table.</param>
internal sealed record ResultTable(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows, IReadOnlyList<string> Notes)
{
    /// <summary>The table in Markdown.</summary>
    public string ToMarkdown()
    {
        var lines = Rows.Select(Line).Prepend($"|{string.Concat(Columns.Select(_ => "---|"))}").Prepend(Line(Columns));
        return string.Concat(lines.Concat(Notes.Select(note => $"\n{note}")).Select(line => line + "\n"));
    }

    private static string Line(IEnumerable<string> fields) => $"| {string.Join(" | ", fields.Select(field => field.Replace("|", "\\|", StringComparison.Ordinal)))} |";
}
