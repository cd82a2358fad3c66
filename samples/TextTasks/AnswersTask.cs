using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Spectre.Console;

namespace TextTasksSample;

/// <summary>Finds the part of a paragraph that answers a question.</summary>
internal sealed class AnswersTask(TaskOptions options) : TaskCommand<AskedQuestion>(options)
{
    private const string Warning =
        "This shows how it is done. Some dozens of questions are far too few for a model that answers new ones; thousands are usual. Your own go in with --data FILE.";

    protected override string Description => Options.DataPath is null ? $"Answers in twelve short paragraphs, four questions on each. {Warning}" : $"Answers in the texts of {Options.DataPath}";

    protected override string FileName => "qa";

    protected override int MaxTokens => 256;

    protected override DataParts<AskedQuestion> Read() => AskedQuestion.Read(Options);

    protected override IEstimator<ITransformer> Pipeline(Action<TrainingProgress> report) =>
        Context.MulticlassClassification.Trainers.QuestionAnswer(Set(new QuestionAnswerTrainer.Options(), report));

    protected override void Measure(ITransformer model, DataParts<AskedQuestion> parts)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Questions")
            .AddColumn(new TableColumn("Count").RightAligned()).AddColumn(new TableColumn("Exact match").RightAligned()).AddColumn(new TableColumn("F1 of words").RightAligned());
        foreach (var (name, rows) in new[] { ("of training", parts.Training), ("on paragraphs never seen", parts.Test) })
        {
            var metrics = Context.MulticlassClassification.EvaluateQuestionAnswers(model.Transform(View(rows)));
            table.AddRow(name, $"{metrics.Count}", $"{metrics.ExactMatch:F3}", $"{metrics.F1:F3}");
        }

        AnsiConsole.Write(table);
        var test = parts.Test.Take(12).ToArray();
        var answers = ((QuestionAnswerTransformer)model).Model.FindAnswers([.. test.Select(row => row.Question)], [.. test.Select(row => row.Context)]);
        var found = new Table().Border(TableBorder.Rounded).AddColumn("Question").AddColumn("Answer of the data").AddColumn("Found").AddColumn(new TableColumn("Score").RightAligned());
        foreach (var (row, spans) in test.Zip(answers))
        {
            var best = spans.Count > 0 ? spans[0] : new AnswerSpan("", 0, 0);
            found.AddRow(row.Question.EscapeMarkup(), row.TrainingAnswer.EscapeMarkup(), best.Text.EscapeMarkup(), $"{best.Score:F2}");
        }

        AnsiConsole.Write(found);
        foreach (var (row, spans) in test.Zip(answers).DistinctBy(pair => pair.First.Context))
        {
            Console.WriteLine(row.Question);
            new MarkedText([]).Write(TextPart.Divide(row.Context, spans.Take(1).Select(span => (span.Start, span.Text.Length, $"score {span.Score:F2}"))));
        }
    }

    protected override void ScoreOne(ITransformer loaded)
    {
        var asked = new AskedQuestion
        {
            Context = "The library of Norden opens at nine in the morning and closes at six. On Sundays it stays closed.",
            Question = "When does the library open?",
        };
        using var engine = Context.Model.CreatePredictionEngine<AskedQuestion, FoundAnswers>(loaded);
        var found = engine.Predict(asked);
        Console.WriteLine($"  \"{asked.Context}\"\n  {asked.Question}");
        foreach (var (answer, score) in found.Answer.Zip(found.Score))
        {
            Console.WriteLine($"    {score:F2}  {answer}");
        }
    }

    private sealed class FoundAnswers
    {
        public string[] Answer { get; set; } = [];

        public float[] Score { get; set; } = [];
    }
}
