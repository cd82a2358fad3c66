using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using Microsoft.ML.NaturalGradient.Tests.Collectives;
using Samples;
using TextClassificationSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

[TestClass]
public sealed class SharedPredictionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("shared-predictions-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Write_OneTwoAndThreeProcesses_WriteEqualBytes()
    {
        var mlContext = new MLContext(seed: 1);
        using var model = TinyText.Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 32));
        var texts = TinyText.Rows(200, "good", "bad").Select(row => row.Text!).ToArray();

        var files = Enumerable.Range(1, 3).Select(size => Write(size, _ => texts, Predict)).ToArray();

        CollectionAssert.AreEqual(files[0], files[1]);
        CollectionAssert.AreEqual(files[0], files[2]);
        Assert.HasCount(1 + texts.Length, File.ReadAllLines(Path.Combine(_folder, "3.tsv")));

        IEnumerable<(string, float)> Predict(IReadOnlyList<string> block) => TinyText
            .Scores(model, TinyText.View(mlContext, block.Select(text => new TextRow { Text = text }))).Select(scores => (scores[0] > 0.5 ? "bad" : "good", scores.Max()));
    }

    [TestMethod]
    public void Write_SeveralRounds_KeepTheOrderOfTheTexts()
    {
        var texts = Enumerable.Range(0, 20_000).Select(row => $"{row}").ToArray();

        var file = Write(3, _ => texts, block => block.Select(text => (text, 1f)));

        CollectionAssert.AreEqual(texts.Select(text => $"{text}\t1.0000").Prepend("PredictedLabel\tProbability").ToArray(), Lines(file));
    }

    [TestMethod]
    public void Write_FewerTextsThanProcesses_WritesThem() =>
        CollectionAssert.AreEqual(new[] { "PredictedLabel\tProbability", "a\t0.5000", "b\t0.5000" }, Lines(Write(3, _ => ["a", "b"], block => block.Select(text => (text, 0.5f)))));

    [TestMethod]
    public void Write_LabelsWithTabsQuotesAndLineEnds_AreReadBack()
    {
        string[] labels = ["a\tb", "say \"no\"", "two\nlines", "plain"];

        var file = Write(2, _ => labels, block => block.Select(text => (text, 0.25f)));

        var table = SeparatedText.Parse(System.Text.Encoding.UTF8.GetString(file), ["PredictedLabel"], "file");
        CollectionAssert.AreEqual(labels, table.Rows.Select(row => row[0]).ToArray());
    }

    [TestMethod]
    public void Write_ProcessWithOtherTexts_IsNamed()
    {
        var error = Assert.ThrowsExactly<UsageException>(() => Write(3, rank => rank == 2 ? ["a", "c"] : ["a", "b"], block => block.Select(text => (text, 1f))));

        Assert.AreEqual("Process 2 has another model or other texts than process 0. Give all processes the same files.", error.Message);
        Assert.IsFalse(File.Exists(Path.Combine(_folder, "3.tsv")));
    }

    [TestMethod]
    public void Write_ProcessThatFails_LeavesNoFileThatLooksWhole()
    {
        var (texts, model) = (Enumerable.Repeat("a", 1000).ToArray(), Model());

        Assert.ThrowsExactly<FormatException>(() => InMemoryCollective.Run(2, all =>
            new SharedPredictions(all, block => all.Rank == 1 ? throw new FormatException() : block.Select(text => (text, 1f))).Write(texts, model, Path.Combine(_folder, "file.tsv"))));

        Assert.IsFalse(File.Exists(Path.Combine(_folder, "file.tsv")));
    }

    [TestMethod]
    [DataRow("texts.txt", "one\n\nthree, four\n", "one||three, four")]
    [DataRow("texts.tsv", "Label\tText\nno\tone\nyes\t\nno\t\"two\tthree\"\n", "one||two\tthree")]
    [DataRow("texts.csv", "Text;Label\n\"one; two\";no\n", "one; two")]
    public void Read_LinesAndTables_GivesEveryRow(string name, string contents, string expected)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, contents);

        Assert.AreEqual(expected, string.Join('|', new TextsFile(path, "Text").Read()));
    }

    [TestMethod]
    [DataRow("none.tsv", null, "There is no file")]
    [DataRow("empty.tsv", "", "is empty")]
    [DataRow("empty.txt", "", "has no rows to classify")]
    [DataRow("header.tsv", "Label\tText\n", "has no rows to classify")]
    [DataRow("other.tsv", "Label\tReview\nno\tone\n", "has no column \"Text\"; its header names \"Label\", \"Review\", separated by tabs. Choose one with --text.")]
    public void Read_FileThatCannotBeUsed_SaysWhy(string name, string? contents, string message)
    {
        var path = Path.Combine(_folder, name);
        if (contents is not null)
        {
            File.WriteAllText(path, contents);
        }

        StringAssert.Contains(Assert.ThrowsExactly<UsageException>(() => new TextsFile(path, "Text").Read()).Message, message);
    }

    private byte[] Write(int size, Func<int, string[]> texts, Func<IReadOnlyList<string>, IEnumerable<(string, float)>> predict)
    {
        var path = Path.Combine(_folder, $"{size}.tsv");
        var model = Model();
        InMemoryCollective.Run(size, all => new SharedPredictions(all, predict).Write(texts(all.Rank), model, path));
        Assert.IsFalse(File.Exists(path + ".unfinished"));
        return File.ReadAllBytes(path);
    }

    // Its contents are compared, not read.
    private string Model()
    {
        var path = Path.Combine(_folder, "model.zip");
        File.WriteAllText(path, "model");
        return path;
    }

    private static string[] Lines(byte[] file) => System.Text.Encoding.UTF8.GetString(file).TrimEnd('\n').Split('\n');
}
