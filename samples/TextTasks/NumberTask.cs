using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Spectre.Console;

namespace TextTasksSample;

/// <summary>Predicts a number for a text.</summary>
internal sealed class NumberTask(TaskOptions options) : TaskCommand<NumberedText>(options)
{
    private static readonly int[] ChosenRows = [1, 14, 16, 18, 19, 32];

    protected override string Description => Options.DataPath is null
        ? "How pleased comments sound (made of the labels of GoEmotions): 1 for joy, less 1 for each of sadness, anger, fear and disgust"
        : $"The numbers of the texts of {Options.DataPath}";

    protected override string FileName => "number";

    protected override DataParts<NumberedText> Read() => NumberedText.Read(Options);

    protected override IEstimator<ITransformer> Pipeline(Action<TrainingProgress> report) =>
        Context.Regression.Trainers.TextRegression(Set(new TextRegressionTrainer.Options { Sentence1ColumnName = "Text" }, report));

    protected override void Measure(ITransformer model, DataParts<NumberedText> parts)
    {
        var scored = Context.Data.Cache(model.Transform(View(parts.Test))); // the network sees each text once
        var metrics = Context.Regression.Evaluate(scored);
        var mean = parts.Training.Average(row => (double)row.Label);
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Prediction").AddColumn(new TableColumn("R²").RightAligned()).AddColumn(new TableColumn("RMSE").RightAligned());
        table.AddRow($"{OptimizerName}", $"{metrics.RSquared:F3}", $"{metrics.RootMeanSquaredError:F3}");
        table.AddRow("always the mean of the training rows", "", $"{Math.Sqrt(parts.Test.Average(row => Math.Pow(row.Label - mean, 2))):F3}");
        AnsiConsole.Write(table);

        var scores = Context.Data.CreateEnumerable<FoundNumber>(scored, reuseRowObject: false).Select(row => row.Score).ToArray();
        Console.WriteLine("Some of the test texts:");
        foreach (var row in Shown(ChosenRows, scores.Length))
        {
            Console.WriteLine($"  labelled {parts.Test[row].Label,5:F1}, predicted {scores[row],5:F2}   \"{parts.Test[row].Text}\"");
        }

        Draw("Prediction against label", path => ScatterChart.Save(
            [.. parts.Test.Select(row => (double)row.Label)], [.. scores.Select(score => (double)score)], $"{OptimizerName}: {scores.Length} test texts", path));
    }

    protected override void ScoreOne(ITransformer loaded)
    {
        const string text = "Thank you so much, this made my day!";
        using var engine = Context.Model.CreatePredictionEngine<NumberedText, FoundNumber>(loaded);
        Console.WriteLine($"  \"{text}\"\n    {engine.Predict(new NumberedText { Text = text }).Score:F2}");
    }

    private sealed class FoundNumber
    {
        public float Score { get; set; }
    }
}
