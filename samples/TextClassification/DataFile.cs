using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;
using Samples;

namespace TextClassificationSample;

/// <summary>A text file with a header line, of which two columns are read.</summary>
internal sealed record DataFile(string FilePath, string LabelColumn, string TextColumn)
{
    private bool IsCsv => Path.GetExtension(FilePath).Equals(".csv", StringComparison.OrdinalIgnoreCase);

    /// <summary>The rows that have both a class and a text; a text that comes again is left out.</summary>
    public IReadOnlyList<ReviewModel.ModelInput> Load(MLContext mlContext)
    {
        if (!File.Exists(FilePath))
        {
            throw new UsageException($"There is no file \"{FilePath}\".");
        }

        var header = ReadHeader();
        var loader = mlContext.Data.CreateTextLoader(new TextLoader.Options
        {
            Columns =
            [
                new("Label", DataKind.String, IndexOf(header, LabelColumn, "--label")),
                new("Text", DataKind.String, IndexOf(header, TextColumn, "--text")),
            ],
            HasHeader = true,
            Separators = [IsCsv ? ',' : '\t'],
            AllowQuoting = IsCsv,
            ReadMultilines = IsCsv,
            TrimWhitespace = true,
        });
        return
        [
            .. mlContext.Data.CreateEnumerable<ReviewModel.ModelInput>(loader.Load(FilePath), reuseRowObject: false)
                .Where(row => row.Label.Length > 0 && row.Text.Length > 0)
                .DistinctBy(row => row.Text),
        ];
    }

    private List<string> ReadHeader()
    {
        var line = File.ReadLines(FilePath).FirstOrDefault() ?? "";
        if (!IsCsv)
        {
            return [.. line.Split('\t').Select(name => name.Trim())];
        }

        List<string> names = [];
        var name = new StringBuilder();
        var quoted = false;
        foreach (var character in line)
        {
            if (character == '"')
            {
                quoted = !quoted;
            }
            else if (character == ',' && !quoted)
            {
                names.Add(name.ToString().Trim());
                name.Clear();
            }
            else
            {
                name.Append(character);
            }
        }

        names.Add(name.ToString().Trim());
        return names;
    }

    private int IndexOf(List<string> header, string column, string option)
    {
        var index = header.IndexOf(column);
        return index >= 0
            ? index
            : throw new UsageException(
                $"\"{FilePath}\" has no column \"{column}\"; its header names {string.Join(", ", header.Select(name => $"\"{name}\""))}. "
                + $"Choose one with {option}.");
    }
}
