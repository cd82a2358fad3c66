using System.Reflection;
using System.Text.Json;

namespace ReplicationSample;

/// <summary>Rows of public data sets, those of docs/benchmarks.md.</summary>
internal static class TextRows
{
    /// <summary>Reads a data set below a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Name of the data set in the list of rows.</param>
    /// <param name="label">Column with the class, from 0.</param>
    /// <param name="text">Column with the text.</param>
    /// <param name="hasHeader">Whether the first line is a header.</param>
    public static TaskData Read(string folder, string name, int label, int text, bool hasHeader) =>
        Read(name, label, text, hasHeader, file => Path.Combine(folder, file));

    /// <summary>Reads the review sentences of the text sample.</summary>
    public static TaskData Reviews() =>
        Read("review sentences", label: 0, text: 2, hasHeader: true, _ => Path.Combine(AppContext.BaseDirectory, "Data", "reviews.tsv"));

    /// <summary>Reads the first rows of train.tsv and of another file: class, text, with a header.</summary>
    /// <remarks>Rows with several classes, joined by commas, are left out, and validation rows whose class no training row has.</remarks>
    /// <param name="experiment">How many rows.</param>
    /// <param name="folder">The folder of both files.</param>
    /// <param name="validation">Name of the file with validation rows.</param>
    public static TaskData ReadFirst(Experiment experiment, string folder, string validation)
    {
        var training = Rows("train.tsv").Take(experiment.TrainingRows).ToArray();
        var classes = training.Select(row => row.Label).ToHashSet();
        return new TaskData(TaskKind.Texts, training, [.. Rows(validation).Where(row => classes.Contains(row.Label)).Take(experiment.ValidationRows)]);

        IEnumerable<TaskRow> Rows(string file) => File.ReadLines(Path.Combine(folder, file)).Index().Skip(1)
            .Select(line => line.Item.Split('\t') is [var label, var text]
                ? new TaskRow { Label = label, Text = text }
                : throw new InvalidDataException($"Line {line.Index + 1} of {Path.Combine(folder, file)} has not two columns."))
            .Where(row => !row.Label.Contains(',', StringComparison.Ordinal));
    }

    private static TaskData Read(string name, int label, int text, bool hasHeader, Func<string, string> locate)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("rows")!;
        using var rows = JsonDocument.Parse(stream);
        var draw = rows.RootElement.GetProperty("draws").GetProperty(name);

        TaskRow[] Part(string part)
        {
            var lines = File.ReadAllLines(locate(draw.GetProperty($"{part}_file").GetString()!));
            return [.. draw.GetProperty($"{part}_rows").EnumerateArray().Select(row => Row(lines, row.GetInt32() + (hasHeader ? 1 : 0)))];
        }

        TaskRow Row(string[] lines, int line)
        {
            var fields = line < lines.Length ? lines[line].Split('\t') : [];
            return fields.Length > Math.Max(label, text)
                ? new TaskRow { Label = fields[label], Text = fields[text] }
                : throw new InvalidDataException($"Line {line + 1} of the file of {name} is missing or has only {fields.Length} columns.");
        }

        return new TaskData(TaskKind.Texts, Part("train"), Part("validation"));
    }
}
