using System.Text.Json;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>One data set with the rows that the reference runs used.</summary>
internal sealed class AccuracyTask
{
    private static readonly (string Name, int Label, int Text, bool HasHeader)[] Anchors =
        [("SST-2", 1, 0, true), ("CoLA", 1, 3, false), ("MR", 0, 1, true), ("SMS spam", 0, 1, true), ("review sentences", 0, 2, true)];

    private AccuracyTask(string name, IReadOnlyList<TrainedModel.Row> training, IReadOnlyList<TrainedModel.Row> validation) =>
        (Name, Training, Validation) = (name, training, validation);

    /// <summary>Name of the data set.</summary>
    public string Name { get; }

    /// <summary>Training rows.</summary>
    public IReadOnlyList<TrainedModel.Row> Training { get; }

    /// <summary>Validation rows.</summary>
    public IReadOnlyList<TrainedModel.Row> Validation { get; }

    /// <summary>Sets of more classes, each with its folder and the file of its validation rows: 5 stars, 40 kinds of glosses, 77 intents.</summary>
    public static IReadOnlyDictionary<string, (string Folder, string Development)> ManyClasses { get; } = new Dictionary<string, (string, string)>
    {
        ["SST-5"] = ("sentconv/sst5-sentences", "dev.tsv"),
        ["WordNet"] = ("wordnet-glosses", "dev.tsv"),
        ["Banking77"] = ("banking77", "test.tsv"),
    };

    /// <summary>Reads the data sets that <c>--task</c> chooses, from the folder of <c>--data</c>.</summary>
    /// <param name="options">The options.</param>
    /// <param name="manyClasses">Keys of <see cref="ManyClasses"/> that may be chosen beside the five sets of the reference runs.</param>
    /// <returns>The tasks.</returns>
    public static IReadOnlyList<AccuracyTask> Chosen(CommandOptions options, params IEnumerable<string> manyClasses)
    {
        var folder = options.Required("--data");
        using var rows = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Accuracy", "anchor-rows.json")));
        var draws = rows.RootElement.GetProperty("draws");
        return [.. options.Choices("--task", [.. Anchors.Select(anchor => anchor.Name), .. manyClasses]).Select(name =>
            Array.Find(Anchors, anchor => anchor.Name == name) is (not null, var label, var text, var hasHeader)
                ? OfAnchor(name, folder, draws.GetProperty(name), label, text, hasHeader)
                : Drawn(folder, name))];
    }

    /// <summary>Reads one draw of few rows.</summary>
    /// <param name="name">Name of the data set.</param>
    /// <param name="folder">Folder with the data.</param>
    /// <param name="drawn">The data set in <c>few-rows.json</c>.</param>
    /// <param name="draw">Its training rows.</param>
    /// <param name="label">Column of the label.</param>
    /// <param name="text">Column of the text.</param>
    /// <returns>The task.</returns>
    public static AccuracyTask Of(string name, string folder, JsonElement drawn, JsonElement draw, int label, int text) => new(
        name,
        Read(folder, drawn.GetProperty("train_file"), draw, label, text, hasHeader: true),
        Read(folder, drawn.GetProperty("dev_file"), drawn.GetProperty("dev"), label, text, hasHeader: true));

    // 1,000 rows to train on and up to 1,000 to validate on of a set of many classes, drawn with a fixed seed.
    private static AccuracyTask Drawn(string folder, string name)
    {
        var (path, development) = ManyClasses[name];
        var random = new Random(77);
        return new AccuracyTask(name, Draw("train.tsv"), Draw(development));

        TrainedModel.Row[] Draw(string file)
        {
            var rows = File.ReadLines(Path.Combine(folder, path, file)).Skip(1).Select(line => line.Split('\t')).ToArray();
            random.Shuffle(rows);
            return [.. rows.Take(1000).Select(fields => new TrainedModel.Row { Label = fields[0], Text = fields[1] })];
        }
    }

    private static AccuracyTask OfAnchor(string name, string folder, JsonElement draw, int label, int text, bool hasHeader)
    {
        return new AccuracyTask(name, Part("train"), Part("validation"));

        TrainedModel.Row[] Part(string part) => Read(folder, draw.GetProperty($"{part}_file"), draw.GetProperty($"{part}_rows"), label, text, hasHeader);
    }

    private static TrainedModel.Row[] Read(string folder, JsonElement file, JsonElement rows, int label, int text, bool hasHeader)
    {
        var lines = File.ReadAllLines(Path.Combine(folder, file.GetString()!));
        return [.. rows.EnumerateArray().Select(row =>
        {
            var fields = lines[row.GetInt32() + (hasHeader ? 1 : 0)].Split('\t');
            return fields.Length > Math.Max(label, text)
                ? new TrainedModel.Row { Label = fields[label], Text = fields[text] }
                : throw new InvalidDataException($"Row {row} has only {fields.Length} columns.");
        })];
    }
}
