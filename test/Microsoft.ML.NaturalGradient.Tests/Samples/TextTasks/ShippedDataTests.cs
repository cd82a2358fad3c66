using Samples;
using TextTasksSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.TextTasks;

/// <summary>The data of the sample is what its README says, and every file can be read as the user's own.</summary>
[TestClass]
public sealed class ShippedDataTests
{
    private static readonly string[] Emotions = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"];

    [TestMethod]
    [DataRow("wnut17-train.conll", 3394)]
    [DataRow("wnut17-dev.conll", 1009)]
    public void Messages_AllHaveTags(string file, int count) => Assert.HasCount(count, TaggedSentence.Read(PathOf(file)));

    [TestMethod]
    [DataRow("goemotions-train.tsv", 2000)]
    [DataRow("goemotions-dev.tsv", 800)]
    public void Comments_AllHaveEmotions(string file, int count)
    {
        var parts = LabelledComment.Read(Own(file));

        Assert.AreEqual(count, parts.Training.Count + parts.Test.Count);
        CollectionAssert.AreEquivalent(Emotions, parts.Training.SelectMany(row => row.Label).Distinct().ToArray());
        Assert.IsTrue(parts.Training.Concat(parts.Test).All(row => row.Label.Length > 0 && !row.Text.Contains("\"\"", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Questions_AnswersStandWhereTheFileSays_AndTestParagraphsAreNotTrainedOn()
    {
        var parts = AskedQuestion.Read(Own("questions.tsv"));

        Assert.AreEqual((36, 12), (parts.Training.Count, parts.Test.Count));
        Assert.IsFalse(parts.Training.Select(row => row.Context).Intersect(parts.Test.Select(row => row.Context)).Any());
        Assert.IsTrue(parts.Training.All(row => row.Context[row.AnswerIndex..].StartsWith(row.TrainingAnswer, StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow("joy", 1)]
    [DataRow("neutral,surprise", 0)]
    [DataRow("joy,sadness", 0)]
    [DataRow("anger,disgust,fear", -3)]
    public void Valence_IsJoyLessWhatIsUnpleasant(string emotions, int expected) => Assert.AreEqual(expected, NumberedText.Valence(emotions.Split(',')));

    [TestMethod]
    [DataRow("Context\tQuestion\tAnswer\tAnswerStart\nabc def\tq\tdef\t3\n", "Row 1 of \"FILE\": the answer \"def\" does not stand at place 3")]
    [DataRow("Context\tQuestion\tAnswer\tAnswerStart\nabc def\tq\tdef\t99\n", "does not stand at place 99")]
    [DataRow("Context\tQuestion\tAnswer\tAnswerStart\nabc def\tq\tdef\tx\n", "Row 1 of \"FILE\" has \"x\" where a whole number from 0 should be.")]
    [DataRow("Context\tQuestion\tAnswer\tAnswerStart\nabc def\tq\t\t3\n", "Row 1 of \"FILE\" has no Answer.")]
    [DataRow("Context\tQuestion\tAnswer\nabc def\tq\tdef\n", "\"FILE\" has no column \"AnswerStart\"; its header names \"Context\"")]
    [DataRow("Context\tQuestion\tAnswer\tAnswerStart\nabc def\tq\tdef\t4\n", "has questions on 1 texts only")]
    [DataRow("", "\"FILE\" is empty")]
    public void Questions_DamagedFile_SaysWhatIsWrong(string text, string expected) => CheckMessage(text, expected, file => AskedQuestion.Read(OwnAt(file)));

    [TestMethod]
    [DataRow("Label\tText\n1,5\tgood\n", "Row 1 of \"FILE\" has \"1,5\" where a number should be")]
    [DataRow("Label\tText\nNaN\tgood\n", "Row 1 of \"FILE\" has \"NaN\"")]
    [DataRow("Label\tText\n1.5\tgood\n", "\"FILE\" has only 1 usable rows")]
    public void Numbers_DamagedFile_SaysWhatIsWrong(string text, string expected) => CheckMessage(text, expected, file => NumberedText.Read(OwnAt(file)));

    [TestMethod]
    public void Divide_OwnRows_KeepsTheLastOfFiveForTheTest()
    {
        var parts = DataParts<int>.Divide([.. Enumerable.Range(1, 11)], "file");

        CollectionAssert.AreEqual(new[] { 1, 2, 3, 4, 6, 7, 8, 9, 11 }, parts.Training.ToArray());
        CollectionAssert.AreEqual(new[] { 5, 10 }, parts.Test.ToArray());
    }

    private static void CheckMessage(string text, string expected, Action<string> read)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, text);

        var exception = Assert.ThrowsExactly<UsageException>(() => read(file));

        File.Delete(file);
        Assert.Contains(expected, exception.Message.Replace(file, "FILE", StringComparison.Ordinal));
    }

    private static TaskOptions Own(string name) => OwnAt(PathOf(name));

    private static TaskOptions OwnAt(string path) => TextTasksSample.CommandLine.Parse(["--data", path])!;

    private static string PathOf(string name)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        for (; !File.Exists(Path.Combine(folder.FullName, "NaturalGradient.MLNet.sln")); folder = folder.Parent!)
        {
        }

        return Path.Combine(folder.FullName, "samples", "TextTasks", "data", name);
    }
}
