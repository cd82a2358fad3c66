using Samples;
using TextTasksSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.TextTasks;

[TestClass]
public sealed class DataTableTests
{
    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("data-table").FullName, "rows.tsv");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    [TestMethod]
    public void Read_CommentsWithoutLabels_AreOfNoClass()
    {
        File.WriteAllText(_file, "Labels\tText\njoy, fear\tone\n\ttwo\njoy\tthree\n\tfour\njoy\tfive\n");

        var parts = LabelledComment.Read(TextTasksSample.CommandLine.Parse(["--task", "labels", "--data", _file])!);

        CollectionAssert.AreEqual(new[] { 2, 0, 1, 0 }, parts.Training.Select(comment => comment.Label.Length).ToArray());
    }

    [TestMethod]
    [DataRow("Label\tText\n1\tone\n\ttwo\n", "Row 2 of", "has no Label.")]
    [DataRow("Label\tText\n1\t\n2\ttwo\n", "Row 1 of", "has no Text.")]
    public void Read_RowWithoutAValue_IsNamed(string text, string row, string what)
    {
        File.WriteAllText(_file, text);

        var message = Assert.ThrowsExactly<UsageException>(() => new DataTable(_file).Read("Label", "Text")).Message;

        StringAssert.StartsWith(message, row, StringComparison.Ordinal);
        StringAssert.Contains(message, what, StringComparison.Ordinal);
    }
}
