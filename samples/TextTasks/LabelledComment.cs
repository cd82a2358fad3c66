namespace TextTasksSample;

/// <summary>A comment with its labels.</summary>
internal sealed class LabelledComment
{
    public string[] Label { get; set; } = [];

    public string Text { get; set; } = "";

    /// <summary>Reads the shipped comments, or the user's own file.</summary>
    public static DataParts<LabelledComment> Read(TaskOptions options) => options.DataPath is { } path
        ? DataParts<LabelledComment>.Divide(Read(new DataTable(path, options.Encoding)), path)
        : Shipped();

    /// <summary>Reads the shipped comments.</summary>
    public static DataParts<LabelledComment> Shipped() =>
        new(Read(new DataTable(DataTable.Shipped("goemotions-train.tsv"))), Read(new DataTable(DataTable.Shipped("goemotions-dev.tsv"))));

    // A comment may have no label at all.
    private static LabelledComment[] Read(DataTable table) =>
        [.. table.Read(["Labels", "Text"], optional: "Labels").Select(row => new LabelledComment { Label = row[0].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries), Text = row[1] })];
}
