using ModelBuilderSample;
using Samples;

namespace TextClassificationSample;

/// <summary>A text file with a header line, of which two columns are read.</summary>
/// <param name="FilePath">The file.</param>
/// <param name="LabelColumn">Its column with the class.</param>
/// <param name="TextColumn">Its column with the text.</param>
/// <param name="Encoding">Name of its encoding; null to find it.</param>
internal sealed record DataFile(string FilePath, string LabelColumn, string TextColumn, string? Encoding = null)
{
    /// <summary>The rows that have both a class and a text; a text that comes again is left out. Says how the file was read.</summary>
    public IReadOnlyList<ReviewModel.ModelInput> Load()
    {
        if (!File.Exists(FilePath))
        {
            throw new UsageException($"There is no file \"{FilePath}\".");
        }

        var (text, encoding) = TextEncoding.Decode(File.ReadAllBytes(FilePath), FilePath, Encoding);
        var table = SeparatedText.Parse(text, [LabelColumn, TextColumn], FilePath);
        var (label, sentence) = (table.IndexOf(LabelColumn, "--label"), table.IndexOf(TextColumn, "--text"));
        var complete = table.Rows.Where(row => row[label].Length > 0 && row[sentence].Length > 0).ToArray();
        var distinct = complete.DistinctBy(row => row[sentence]).ToArray();
        Console.WriteLine($"{Path.GetFileName(FilePath)}: {encoding}, columns separated by {table.Separator}, {table.Rows.Count} rows; "
            + $"left out: {table.Rows.Count - complete.Length} without class or text, {complete.Length - distinct.Length} whose text came before");
        return [.. distinct.Select(row => new ReviewModel.ModelInput { Label = row[label], Text = row[sentence] })];
    }
}
