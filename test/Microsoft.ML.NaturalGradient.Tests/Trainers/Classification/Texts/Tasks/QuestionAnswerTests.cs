using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tokenization;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class QuestionAnswerTests
{
    private static readonly string[] Things = ["film", "book", "song", "meal", "phone"];

    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> AllOptimizers => [[Ief], [Ef with { LearningRate = 0.1 }], [Sf with { LearningRate = 0.1 }], [Optimizers.AdamW with { LearningRate = 0.01 }], [Kfac]];

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Fit_AnyOptimizer_LowersTheLoss(OptimizerOptions optimizer)
    {
        var losses = new EpochLosses();

        using var model = Trainer(options =>
        {
            options.Optimizer = optimizer;
            options.MaxEpoch = 4;
            options.MetricsCallback = losses.Report;
        }).Fit(View(Rows(48)));

        losses.AssertFell();
    }

    [TestMethod]
    public void Fit_WordsOfOneKind_FindsThemInNewTexts()
    {
        using var model = Trainer(options => (options.MaxEpoch, options.Adapter) = (16, Adapters.Full)).Fit(View(Rows(128)));

        var metrics = _mlContext.MulticlassClassification.EvaluateQuestionAnswers(model.Transform(View(Rows(40, seed: 2))));
        Assert.IsGreaterThan(0.9, metrics.ExactMatch);
    }

    [TestMethod]
    public void Transform_ContextOfManyWindows_GivesTheBestAnswerOfAll()
    {
        const int Room = 10; // words of one token, beside the question and three special tokens
        using var model = Trainer(options => options.MaxSequenceLength = Room + 3 + 3).Fit(View(Rows(24)));
        var words = Rows(6, seed: 3).SelectMany(row => row.Context.Replace(",", "", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var context = string.Join(' ', words);

        var answers = model.Model.FindAnswers(["what was it"], [context])[0];

        var windows = TokenWindow.Divide([.. words.Select(_ => 1)], Room);
        Assert.IsGreaterThan(3, windows.Count);
        var best = windows.Select(window => model.Model.FindAnswers(["what was it"], [string.Join(' ', words[window.First..window.End])])[0][0]).MaxBy(answer => answer.Score)!;
        Assert.AreEqual(best.Score, answers[0].Score, 1e-6f);
        Assert.AreEqual(best.Text, answers[0].Text);
        Assert.HasCount(3, answers);
        Assert.IsTrue(answers.All(answer => answer.Score is >= 0 and <= 1 && context.Substring(answer.Start, answer.Text.Length) == answer.Text));
        Assert.IsTrue(answers.Zip(answers.Skip(1)).All(pair => pair.First.Score >= pair.Second.Score));
    }

    [TestMethod]
    public void Transform_ContextOfManyThousandWords_IsReadToItsEnd()
    {
        using var model = Trainer().Fit(View(Rows(12)));
        var context = string.Concat(Enumerable.Repeat("we had a very nice day, ", 4000)) + "the film";

        var answers = model.Model.FindAnswers([new string('x', 100_000) + " what was it"], [context])[0];

        Assert.HasCount(3, answers);
        Assert.HasCount(3, answers.Select(answer => (answer.Start, answer.Text)).Distinct().ToArray());
        Assert.IsTrue(answers.All(answer => context.Substring(answer.Start, answer.Text.Length) == answer.Text));
    }

    [TestMethod]
    public void Transform_EmptyContext_HasNoAnswer()
    {
        using var model = Trainer().Fit(View(Rows(12)));

        var answers = model.Model.FindAnswers(["what was it", ""], ["", "the film"]);

        Assert.IsEmpty(answers[0]);
        Assert.IsNotEmpty(answers[1]);
    }

    [TestMethod]
    public void Fit_AnswerNotAtItsPlace_IsSkippedAndCounted_OrRefusedWhereStrict()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var rows = Rows(12);
        rows[3].AnswerIndex = -1;
        rows[4].AnswerIndex = int.MaxValue;
        rows[5].TrainingAnswer = "nowhere";
        rows[6].TrainingAnswer = "";

        using var model = Trainer().Fit(View(rows));
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Trainer(options => options.Strict = true).Fit(View(rows)));

        Assert.IsTrue(messages.Any(message => message.Contains("8 training rows; 4 skipped without a label", StringComparison.Ordinal)));
        StringAssert.StartsWith(error.Message, $"Row 4: the answer '{rows[3].TrainingAnswer}' does not stand at place -1 of the context. It stands at");
    }

    [TestMethod]
    public void Fit_AnswerThatBeginsOrEndsWithWhatHasNoToken_IsTrainedOn()
    {
        const char Unknown = '\u0001';
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var rows = Rows(12);
        (rows[3].Context, rows[3].TrainingAnswer, rows[3].AnswerIndex) = ($"we saw {Unknown} the film {Unknown} today", $"{Unknown} the film {Unknown}", 7);

        using var model = Trainer().Fit(View(rows));

        Assert.IsTrue(messages.Any(message => message.Contains("12 training rows; 0 skipped without a label", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_NoAnswerAtItsPlace_NamesTheIndexToo()
    {
        var rows = Rows(4);
        foreach (var row in rows)
        {
            row.AnswerIndex = 1000;
        }

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Trainer().Fit(View(rows)));

        StringAssert.Contains(error.Message, "All 4 training rows have no answer, or one that does not stand in the context at its index. Check the columns 'TrainingAnswer' and 'AnswerIndex'");
    }

    [TestMethod]
    public void Trainer_KeepsTheEstimatorContract() => EstimatorContract.Check(
        _mlContext, Trainer(), View(Rows(12)), _mlContext.Data.LoadFromEnumerable([new { TrainingAnswer = "a", Question = 2f, Context = "a", AnswerIndex = 0 }]), "Score", "Answer");

    [TestMethod]
    public void TopK_LimitsTheAnswers()
    {
        using var model = _mlContext.MulticlassClassification.Trainers.QuestionAnswer(Ief, topK: 1, maxEpochs: 1, model: TinyText.Model).Fit(View(Rows(8)));

        Assert.IsTrue(model.Transform(View(Rows(8))).GetColumn<string[]>("Answer").All(row => row.Length == 1));
    }

    private IDataView View(IEnumerable<QuestionRow> rows) => _mlContext.Data.LoadFromEnumerable(rows);

    private QuestionAnswerTrainer Trainer(Action<QuestionAnswerTrainer.Options>? change = null)
    {
        var options = new QuestionAnswerTrainer.Options { Model = TinyText.Model, MaxEpoch = 2, BatchSize = 8 };
        change?.Invoke(options);
        return _mlContext.MulticlassClassification.Trainers.QuestionAnswer(options);
    }

    private static QuestionRow[] Rows(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var thing = Things[random.Next(5)];
            var before = string.Join(' ', Enumerable.Range(0, random.Next(5)).Select(_ => "we had a day".Split(' ')[random.Next(4)]));
            var after = i % 4 == 0 ? string.Join(' ', Enumerable.Range(0, 30).Select(_ => "we had a very nice day".Split(' ')[random.Next(6)])) : "";
            var context = $"{before} the {thing}, was {(i % 2 == 0 ? "good" : "bad")} {after}";
            return new QuestionRow { Question = "what was it", Context = context, TrainingAnswer = thing, AnswerIndex = context.IndexOf(thing, StringComparison.Ordinal) };
        })];
    }

    private sealed class QuestionRow
    {
        public string Question { get; set; } = "";

        public string Context { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }
}
