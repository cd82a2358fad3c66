using Samples;

namespace TextClassificationSample;

/// <summary>A file of texts to classify: a text on each line where its name ends in .txt, else a column of a table with a header line.</summary>
/// <param name="FilePath">The file.</param>
/// <param name="TextColumn">The column of a table.</param>
/// <param name="Encoding">Name of its encoding; null to find it.</param>
internal sealed record TextsFile(string FilePath, string TextColumn, string? Encoding = null)
{
    /// <summary>All texts, one for each row; an empty one where a row has none. Says how the file was read.</summary>
    /// <exception cref="UsageException">The file is missing, not a table, or has no rows.</exception>
    public IReadOnlyList<string> Read()
    {
        if (!File.Exists(FilePath))
        {
            throw new UsageException($"There is no file \"{FilePath}\".");
        }

        var (text, encoding) = TextEncoding.Decode(File.ReadAllBytes(FilePath), FilePath, Encoding);
        var (texts, form) = FilePath.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) ? (Lines(text), "a text on each line") : Column(text);
        Console.WriteLine($"{Path.GetFileName(FilePath)}: {encoding}, {form}, {texts.Length} rows");
        return texts.Length > 0 ? texts : throw new UsageException($"\"{FilePath}\" has no rows to classify.");
    }

    private static string[] Lines(string text)
    {
        using var reader = new StringReader(text);
        var lines = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            lines.Add(line.Trim());
        }

        return [.. lines];
    }

    private (string[] Texts, string Form) Column(string text)
    {
        var table = SeparatedText.Parse(text, [TextColumn], FilePath);
        var column = table.IndexOf(TextColumn, "--text");
        return ([.. table.Rows.Select(row => row[column])], $"columns separated by {table.Separator}");
    }
}
