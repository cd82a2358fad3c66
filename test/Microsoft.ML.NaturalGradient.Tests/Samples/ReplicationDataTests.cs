using ReplicationSample;
using Samples;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

/// <summary>The rows that the replication sample reads and makes up.</summary>
[TestClass]
public sealed class ReplicationDataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("replication-data").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(2, 10, 5)]
    [DataRow(150, 320, 2)]
    [DataRow(1000, 1000, 1)]
    public void Create_Classes_HaveEquallyManyRowsThatTheirTwoWordsDecide(int classes, int rows, int each)
    {
        var data = SyntheticRows.Create(Synthetic(classes, rows));

        Assert.AreEqual(classes, data.ClassCount);
        Assert.IsTrue(data.Training.CountBy(row => row.Label).All(count => count.Value == each));
        Assert.HasCount(50, data.Validation);
        foreach (var row in data.Training.Concat(data.Validation))
        {
            var words = row.Label.Split(' ');
            StringAssert.Matches(row.Text, new System.Text.RegularExpressions.Regex($" we {words[0]} .* the {words[1]} "));
        }
    }

    [TestMethod]
    public void Create_ManyClasses_ShareTheirWords()
    {
        var labels = SyntheticRows.Create(Synthetic(150, 150)).Training.Select(row => row.Label.Split(' ')).ToArray();

        Assert.IsTrue(labels.CountBy(words => words[0]).Concat(labels.CountBy(words => words[1])).All(count => count.Value >= 5));
    }

    [TestMethod]
    public void Create_Twice_GivesTheSameRows()
    {
        var (first, second) = (SyntheticRows.Create(Synthetic(40, 80)), SyntheticRows.Create(Synthetic(40, 80)));

        CollectionAssert.AreEqual(Lines(first.Training), Lines(second.Training));
        CollectionAssert.AreEqual(Lines(first.Validation), Lines(second.Validation));
    }

    [TestMethod]
    [DataRow(null, 100, "needs \"classes\"")]
    [DataRow(1601, 2000, "\"classes\" is 1601")]
    [DataRow(50, 49, "\"trainingRows\" is 49")]
    public void Create_ImpossibleNumbers_AreRefused(int? classes, int rows, string message) => StringAssert.Contains(
        Assert.ThrowsExactly<UsageException>(() => SyntheticRows.Create(Synthetic(classes, rows))).Message, message, StringComparison.Ordinal);

    [TestMethod]
    public void Load_TrainAndTest_LeavesOutSeveralLabelsAndUnknownClasses()
    {
        Write("train.tsv", "Labels\tText\njoy\tgood\njoy,fear\tboth\nfear\tbad\nanger\ttoo many\n");
        Write("dev.tsv", "Labels\tText\nanger\tunknown\nfear\tbad too\n");

        var data = TaskData.Load(Emotions with { TrainingRows = 2 }, _folder);

        CollectionAssert.AreEqual(new[] { "joy: good", "fear: bad" }, Lines(data.Training));
        CollectionAssert.AreEqual(new[] { "fear: bad too" }, Lines(data.Validation));
        Assert.AreEqual(2, data.ClassCount);
    }

    [TestMethod]
    public void Load_LineWithoutText_IsRefusedWithItsNumber()
    {
        Write("train.tsv", "Labels\tText\njoy\tgood\nfear\n");
        Write("dev.tsv", "Labels\tText\n");

        var error = Assert.ThrowsExactly<UsageException>(() => TaskData.Load(Emotions, _folder));

        StringAssert.Contains(error.Message, "Line 3 of", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Load_NoFolder_SaysToNameOne() => StringAssert.Contains(
        Assert.ThrowsExactly<UsageException>(() => TaskData.Load(Emotions with { Task = "banking77" }, null)).Message, "--data", StringComparison.Ordinal);

    private static Experiment Emotions => new() { Name = "test", Task = "goemotions" };

    private static Experiment Synthetic(int? classes, int rows) =>
        new() { Name = "test", Task = "synthetic", Classes = classes, TrainingRows = rows, ValidationRows = 50 };

    private static string[] Lines(IEnumerable<TaskRow> rows) => [.. rows.Select(row => $"{row.Label}: {row.Text}")];

    private void Write(string name, string text)
    {
        var path = Path.Combine(_folder, "goemotions-ekman", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
