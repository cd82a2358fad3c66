using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Samples;
using Spectre.Console;

namespace TextTasksSample;

/// <summary>Finds names in messages.</summary>
internal sealed class NamesTask(TaskOptions options) : TaskCommand<TaggedSentence>(options)
{
    private static readonly int[] ChosenRows = [1, 8, 14, 24, 33, 36];

    protected override string Description => Options.DataPath is null
        ? "Names in messages (WNUT 2017): persons, locations, groups, corporations, products, creative works"
        : $"Names in the texts of {Options.DataPath}";

    protected override string FileName => "ner";

    protected override DataParts<TaggedSentence> Read() => Options.DataPath is { } path
        ? DataParts<TaggedSentence>.Divide(TaggedSentence.Read(path), path)
        : new(TaggedSentence.Read(DataTable.Shipped("wnut17-train.conll")), TaggedSentence.Read(DataTable.Shipped("wnut17-dev.conll")));

    protected override IEstimator<ITransformer> Pipeline(Action<TrainingProgress> report) => Context.Transforms.Conversion.MapValueToKey("Label")
        .Append(Context.MulticlassClassification.Trainers.NamedEntityRecognition(Set(new NamedEntityRecognitionTrainer.Options { EntitiesColumnName = "Entities" }, report)))
        .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedTags", "PredictedLabel"));

    protected override void Measure(ITransformer model, DataParts<TaggedSentence> parts)
    {
        var scored = Context.Data.Cache(model.Transform(View(parts.Test))); // the network sees each text once
        var metrics = Context.MulticlassClassification.EvaluateNamedEntities(scored);
        Write(metrics);
        ReportUnknown(parts.Training.SelectMany(row => row.Label), parts.Test.SelectMany(row => row.Label));
        var found = Context.Data.CreateEnumerable<FoundNames>(scored, reuseRowObject: false).ToArray();
        Console.WriteLine("Some of the test texts, with what was found:");
        var display = new MarkedText([.. metrics.PerType.Keys]);
        foreach (var row in Shown(ChosenRows, found.Length))
        {
            display.Write(TextPart.Divide(string.Join(' ', parts.Test[row].Sentence), found[row].Marks()));
        }

        var confusion = TypeConfusion.Count(parts.Test.Select(row => row.Label).Zip(found.Select(row => row.PredictedTags)));
        Draw("Confusion of types", path => ConfusionChart.Save(confusion.Counts, confusion.Types, $"{OptimizerName}: words of {parts.Test.Count} test texts", path));
    }

    protected override void ScoreOne(ITransformer loaded)
    {
        const string sentence = "Next week Emma Watson flies from Berlin to New York with Lufthansa";
        using var engine = Context.Model.CreatePredictionEngine<Message, FoundNames>(loaded);
        new MarkedText([]).Write(TextPart.Divide(sentence, engine.Predict(new Message { Sentence = sentence }).Marks()));
    }

    private static void Write(NamedEntityMetrics metrics)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Type");
        foreach (var name in new[] { "Precision", "Recall", "F1", "Labelled", "Found", "Right" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (var (type, one) in metrics.PerType)
        {
            table.AddRow(type.EscapeMarkup(), $"{one.Precision:F3}", $"{one.Recall:F3}", $"{one.F1:F3}", $"{one.EntityCount}", $"{one.PredictedCount}", $"{one.CorrectCount}");
        }

        table.AddEmptyRow();
        table.AddRow("all", $"{metrics.Precision:F3}", $"{metrics.Recall:F3}", $"{metrics.F1:F3}", $"{metrics.EntityCount}", $"{metrics.PredictedCount}", $"{metrics.CorrectCount}");
        AnsiConsole.Write(table);
        Console.WriteLine("A name is right if its type, its first word and its last word are.\n");
    }

    /// <summary>What the prediction engine is asked: a text, whose words stand between white space; the label is not needed.</summary>
    private sealed class Message
    {
        public string[] Label { get; set; } = [];

        public string Sentence { get; set; } = "";
    }

    private sealed class FoundNames
    {
        public string[] PredictedTags { get; set; } = [];

        [ColumnName("Entities.Start")]
        public int[] Starts { get; set; } = [];

        [ColumnName("Entities.Length")]
        public int[] Lengths { get; set; } = [];

        [ColumnName("Entities.Type")]
        public string[] Types { get; set; } = [];

        public IEnumerable<(int Start, int Length, string Mark)> Marks() => Starts.Zip(Lengths, Types);
    }
}
