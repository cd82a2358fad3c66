using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>One data set with the rows that the reference runs used.</summary>
internal sealed class AccuracyTask
{
    private AccuracyTask(string name, string folder, JsonElement draw, int label, int text, bool hasHeader)
    {
        Name = name;
        Training = Read(folder, draw, "train", label, text, hasHeader);
        Validation = Read(folder, draw, "validation", label, text, hasHeader);
    }

    /// <summary>Name of the data set.</summary>
    public string Name { get; }

    /// <summary>Training rows.</summary>
    public IReadOnlyList<TrainedModel.Row> Training { get; }

    /// <summary>Validation rows.</summary>
    public IReadOnlyList<TrainedModel.Row> Validation { get; }

    /// <summary>Reads the five data sets.</summary>
    /// <param name="folder">Folder with the data.</param>
    /// <param name="names">Which ones; empty for all.</param>
    /// <returns>The tasks.</returns>
    public static IEnumerable<AccuracyTask> Load(string folder, IReadOnlyCollection<string> names)
    {
        using var rows = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Accuracy", "anchor-rows.json")));
        foreach (var (name, label, text, hasHeader) in new[]
        {
            ("SST-2", 1, 0, true), ("CoLA", 1, 3, false), ("MR", 0, 1, true), ("SMS spam", 0, 1, true), ("review sentences", 0, 2, true),
        })
        {
            if (names.Count == 0 || names.Contains(name))
            {
                yield return new AccuracyTask(name, folder, rows.RootElement.GetProperty("draws").GetProperty(name), label, text, hasHeader);
            }
        }
    }

    private static TrainedModel.Row[] Read(string folder, JsonElement draw, string part, int label, int text, bool hasHeader)
    {
        var lines = File.ReadAllLines(Path.Combine(folder, draw.GetProperty($"{part}_file").GetString()!));
        return [.. draw.GetProperty($"{part}_rows").EnumerateArray().Select(row =>
        {
            var fields = lines[row.GetInt32() + (hasHeader ? 1 : 0)].Split('\t');
            return fields.Length > Math.Max(label, text)
                ? new TrainedModel.Row { Label = fields[label], Text = fields[text] }
                : throw new InvalidDataException($"Row {row} has only {fields.Length} columns.");
        })];
    }
}
