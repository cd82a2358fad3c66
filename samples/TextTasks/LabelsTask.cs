using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.Transforms;
using Spectre.Console;

namespace TextTasksSample;

/// <summary>Finds the emotions in comments: one, several or none.</summary>
internal sealed class LabelsTask(TaskOptions options) : TaskCommand<LabelledComment>(options)
{
    private static readonly int[] ChosenRows = [1, 14, 16, 18, 19, 32];

    protected override string Description => Options.DataPath is null ? "Emotions in comments (GoEmotions, seven groups): a comment may have several" : $"Labels of the texts of {Options.DataPath}";

    protected override string FileName => "labels";

    protected override DataParts<LabelledComment> Read() => LabelledComment.Read(Options);

    // Emotions are of very different frequency, so that one threshold does not fit all.
    protected override IEstimator<ITransformer> Pipeline(Action<TrainingProgress> report) => Context.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue)
        .Append(Context.MulticlassClassification.Trainers.MultiLabelClassification(Set(
            new MultiLabelClassificationTrainer.Options { Sentence1ColumnName = "Text", ValidationSetFraction = 0.1, ChooseThresholds = true }, report)))
        .Append(Context.Transforms.Conversion.MapKeyToValue("PredictedNames", "PredictedLabels"));

    protected override void Measure(ITransformer model, DataParts<LabelledComment> parts)
    {
        var scored = Context.Data.Cache(model.Transform(View(parts.Test))); // the network sees each text once
        var metrics = Context.MulticlassClassification.EvaluateMultiLabel(scored);
        Write(metrics);
        ReportUnknown(parts.Training.SelectMany(row => row.Label), parts.Test.SelectMany(row => row.Label));
        var found = Context.Data.CreateEnumerable<FoundLabels>(scored, reuseRowObject: false).ToArray();
        Console.WriteLine("Some of the test texts:");
        foreach (var row in Shown(ChosenRows, found.Length))
        {
            Console.WriteLine($"  \"{parts.Test[row].Text}\"\n    labelled {Listed(parts.Test[row].Label)}; found {Listed(found[row].PredictedNames)}");
        }

        Draw("Precision against recall", path => PrecisionRecallChart.Save(
            metrics.PerClass.Select((one, i) => (one.Name, PrecisionRecall.Curve([.. parts.Test.Zip(found, (row, scores) => (row.Label.Contains(one.Name), scores.Score[i]))]))),
            $"{OptimizerName}: {parts.Test.Count} test comments", path));
    }

    protected override void ScoreOne(ITransformer loaded)
    {
        const string comment = "What a wonderful surprise, I did not expect to see you here!";
        using var engine = Context.Model.CreatePredictionEngine<LabelledComment, FoundLabels>(loaded);
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        engine.OutputSchema["Label"].GetKeyValues(ref names);
        var scores = engine.Predict(new LabelledComment { Text = comment }).Score;
        Console.WriteLine($"  \"{comment}\"\n    {string.Join(", ", names.DenseValues().Zip(scores).OrderByDescending(pair => pair.Second).Select(pair => $"{pair.First} {pair.Second:P0}"))}");
    }

    private static void Write(MultiLabelMetrics metrics)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Class");
        foreach (var name in new[] { "Precision", "Recall", "F1", "Average precision", "Rows" })
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (var one in metrics.PerClass)
        {
            table.AddRow(one.Name.EscapeMarkup(), $"{one.Precision:F3}", $"{one.Recall:F3}", $"{one.F1:F3}", one.Support > 0 ? $"{one.AveragePrecision:F3}" : "", $"{one.Support}");
        }

        table.AddEmptyRow();
        table.AddRow("all", $"{metrics.MicroPrecision:F3}", $"{metrics.MicroRecall:F3}", $"{metrics.MicroF1:F3}", $"{metrics.MeanAveragePrecision:F3}", $"{metrics.Count}");
        AnsiConsole.Write(table);
        Console.WriteLine($"Micro F1 {metrics.MicroF1:F3}, macro F1 {metrics.MacroF1:F3}; exactly the right classes: {metrics.SubsetAccuracy:P0} of the rows\n");
    }

    private static string Listed(string[] labels) => labels.Length == 0 ? "none" : string.Join(" and ", labels);

    private sealed class FoundLabels
    {
        public string[] PredictedNames { get; set; } = [];

        public float[] Score { get; set; } = [];
    }
}
