using System.Globalization;
using CsCheck;
using Microsoft.ML.NaturalGradient.Evaluation;

namespace Microsoft.ML.NaturalGradient.Tests.Evaluation;

[TestClass]
public sealed class QuestionAnswerMetricsTests
{
    private static readonly Gen<string> Ascii = Gen.OneOf(
        EvaluationData.OneOf("the ", "The", " a ", "an", "A", "dog", "Dog ", "cat", " ", "-", ".", "'s", "theatre", "\t", "\n"), Gen.Char['\0', '\u007f'].Select(letter => letter.ToString()))
        .Array[0, 12].Select(string.Concat);

    [TestMethod]
    [DataRow("The Eiffel Tower", "eiffel tower")]
    [DataRow("  an   apple \t a\nday ", "apple day")]
    [DataRow("U.S.A.", "usa")]
    [DataRow("the-end", "theend", DisplayName = "punctuation goes before articles")]
    [DataRow("(a) theatre", "theatre", DisplayName = "articles are whole words")]
    [DataRow("The the THE", "")]
    [DataRow("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~x", "x")]
    [DataRow("$5 & 10%", "5 10")]
    [DataRow("the—end", "—end", DisplayName = "other punctuation stays, but ends a word")]
    [DataRow("«a» b", "« » b")]
    [DataRow("a1 aé anä theß", "a1 aé anä theß", DisplayName = "letters and digits of any script are parts of words")]
    [DataRow("a² the① aⅣ", "a² the① aⅳ", DisplayName = "numbers of other kinds too")]
    [DataRow("a\U00010400 the\U0001D7D8", "a\U00010428 the\U0001D7D8", DisplayName = "letters outside of the first plane")]
    [DataRow("a\U0001F600", "\U0001F600", DisplayName = "pictures are no letters")]
    [DataRow("a\u0301b", "\u0301b", DisplayName = "Python takes no combining mark for a part of a word")]
    [DataRow("one\u00A0two\u2003three\u001Ffour", "one two three four")]
    [DataRow("ÉCOLE", "école")]
    [DataRow("INFO", "info", DisplayName = "whatever the culture")]
    [DataRow("", "")]
    public void Words_OfAnAnswer_AreNormalized(string text, string expected)
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("tr-TR");
            Assert.AreEqual(expected, string.Join(' ', AnswerText.Words(text)));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [TestMethod]
    public void Words_TornSurrogate_IsNoWord() => CollectionAssert.AreEqual(new[] { "\uD83D", "b" }, AnswerText.Words("a\uD83D the b"));

    [TestMethod]
    public void EvaluateQuestionAnswers_ByHand_IsTheMeanOfTheRows()
    {
        var metrics = Evaluate(
            new Row { TrainingAnswer = "the Normans", Answer = "Normans!" }, // equal: 1, 1
            new Row { TrainingAnswer = "in the 10th century", Answer = "10th and 11th century" }, // 2 of 3 and of 4: 0, 4/7
            new Row { TrainingAnswer = "Rollo", Answer = "Ragnar" }, // 0, 0
            new Row { TrainingAnswer = "a b b b", Answer = "b b c" }); // bags: b twice, 2 of 3 and of 3: 0, 2/3

        Assert.AreEqual(0.25, metrics.ExactMatch);
        Assert.AreEqual((1 + (4 / 7.0) + (2 / 3.0)) / 4, metrics.F1, 1e-15);
        Assert.AreEqual(4, metrics.Count);
        Assert.AreEqual("exact match 0.250, F1 0.560, 4 questions", metrics.ToString());
    }

    [TestMethod]
    public void EvaluateQuestionAnswers_SeveralReferences_TheBestCounts()
    {
        var metrics = Evaluate(new VectorRow { TrainingAnswer = ["far away", "ten miles", "ten"], Answer = ["ten long miles", "ten"] });

        Assert.AreEqual((0, 0.8), (metrics.ExactMatch, metrics.F1));
    }

    [TestMethod]
    [DataRow(new string[0], new string[0], 1, DisplayName = "no reference, no prediction")]
    [DataRow(new[] { "" }, new[] { "" }, 1)]
    [DataRow(new[] { "" }, new[] { "the!" }, 1, DisplayName = "nothing is left of the prediction")]
    [DataRow(new[] { "" }, new[] { "x" }, 0)]
    [DataRow(new[] { "x" }, new string[0], 0)]
    [DataRow(new[] { "x" }, new[] { "", "x" }, 0, DisplayName = "the first prediction counts")]
    [DataRow(new[] { "x", "" }, new[] { "" }, 0, DisplayName = "an empty reference beside another does not count")]
    [DataRow(new[] { "x", "the" }, new[] { "a" }, 0)]
    [DataRow(new[] { "", "x" }, new[] { "x" }, 1)]
    public void EvaluateQuestionAnswers_QuestionsWithoutAnswer_AreSquad2s(string[] references, string[] predictions, double expected)
    {
        var metrics = Evaluate(new VectorRow { TrainingAnswer = references, Answer = predictions });

        Assert.AreEqual((expected, expected), (metrics.ExactMatch, metrics.F1));
    }

    [TestMethod]
    public void EvaluateQuestionAnswers_AnyTexts_AreWhatTheSlowWayGives() => Gen.Select(Ascii.Array[0, 3], Ascii).Array[1, 4].Check(1000, rows =>
    {
        var metrics = Evaluate(rows.Select(row => new VectorRow { TrainingAnswer = row.Item1, Answer = [row.Item2] }).ToArray());

        Assert.AreEqual(rows.Average(row => NaiveSquad.Exact(row.Item1, row.Item2)), metrics.ExactMatch, 1e-12);
        Assert.AreEqual(rows.Average(row => NaiveSquad.F1(row.Item1, row.Item2)), metrics.F1, 1e-12);
    });

    [TestMethod]
    public void EvaluateQuestionAnswers_AnyUnicode_KeepsOrderOfMetrics() => Gen.Select(Gen.String, Gen.String).Check(1000, draw =>
    {
        var same = Evaluate(new Row { TrainingAnswer = draw.Item1, Answer = draw.Item1 });
        var (one, other) = (Evaluate(new Row { TrainingAnswer = draw.Item1, Answer = draw.Item2 }), Evaluate(new Row { TrainingAnswer = draw.Item2, Answer = draw.Item1 }));

        Assert.AreEqual((1.0, 1.0), (same.ExactMatch, same.F1));
        Assert.AreEqual((one.ExactMatch, one.F1), (other.ExactMatch, other.F1)); // with one reference, both ways are the same
        Assert.IsTrue(one.F1 >= one.ExactMatch && one.F1 <= 1, one.ToString());
    });

    [TestMethod]
    public void EvaluateQuestionAnswers_WrongColumnsOrNoRows_SaysSo()
    {
        var catalog = EvaluationData.Context.MulticlassClassification;
        var data = EvaluationData.Context.Data.LoadFromEnumerable(new[] { new Row() });
        var numbers = EvaluationData.Context.Data.LoadFromEnumerable(new[] { new NumberRow() });

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateQuestionAnswers(data, "Other")).Message, "'Other'");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateQuestionAnswers(data, predictedAnswerColumnName: "Other")).Message, "'Other'");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateQuestionAnswers(numbers)).Message, "expected String or Vector<String>, got Single");
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(Array.Empty<Row>())).Message, "The data has no rows");
    }

    private static QuestionAnswerMetrics Evaluate(params Row[] rows) =>
        EvaluationData.Context.MulticlassClassification.EvaluateQuestionAnswers(EvaluationData.Context.Data.LoadFromEnumerable(rows));

    private static QuestionAnswerMetrics Evaluate(params VectorRow[] rows) =>
        EvaluationData.Context.MulticlassClassification.EvaluateQuestionAnswers(EvaluationData.Context.Data.LoadFromEnumerable(rows));

    private sealed class Row
    {
        public string TrainingAnswer { get; set; } = "";

        public string Answer { get; set; } = "";
    }

    private sealed class VectorRow
    {
        public string[] TrainingAnswer { get; set; } = [];

        public string[] Answer { get; set; } = [];
    }

    private sealed class NumberRow
    {
        public float TrainingAnswer { get; set; }

        public string Answer { get; set; } = "";
    }
}
