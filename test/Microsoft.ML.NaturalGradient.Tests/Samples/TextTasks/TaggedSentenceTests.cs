using Samples;
using TextTasksSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.TextTasks;

[TestClass]
public sealed class TaggedSentenceTests
{
    [TestMethod]
    [DataRow("Anna\tB-person\nsings\tO\n\n\n\nin\tO\nBonn\tB-place", DisplayName = "no line end at the end")]
    [DataRow("\r\nAnna\tB-person\r\nsings\tO\r\n\r\nin\tO\r\nBonn\tB-place\r\n\r\n", DisplayName = "Windows")]
    public void Parse_Texts_AreDividedAtEmptyLines(string text)
    {
        var sentences = TaggedSentence.Parse(text, "file");

        CollectionAssert.AreEqual(new[] { "Anna sings", "in Bonn" }, sentences.Select(row => string.Join(' ', row.Sentence)).ToArray());
        CollectionAssert.AreEqual(new[] { "B-person O", "O B-place" }, sentences.Select(row => string.Join(' ', row.Label)).ToArray());
    }

    [TestMethod]
    [DataRow("Anna\tB-person\nsings", "Line 2 of \"file\" is not a word, a tab and a tag")]
    [DataRow("Anna\tperson", "Line 1 of \"file\"")]
    [DataRow("\tO", "Line 1 of \"file\"")]
    [DataRow("Anna\tB-person\textra", "Line 1 of \"file\"")]
    [DataRow("\n\n", "\"file\" has no text")]
    public void Parse_DamagedFile_NamesTheLine(string text, string expected)
    {
        var exception = Assert.ThrowsExactly<UsageException>(() => TaggedSentence.Parse(text, "file"));

        Assert.Contains(expected, exception.Message);
    }

    [TestMethod]
    public void Read_MissingFileOrOtherEncoding_IsSaid()
    {
        var file = Path.GetTempFileName();
        File.WriteAllBytes(file, [.. "gr"u8, 0xFC, .. "n\tO\n"u8]);

        Assert.Contains("is not UTF-8", Assert.ThrowsExactly<UsageException>(() => TaggedSentence.Read(file)).Message);
        File.Delete(file);
        Assert.Contains("There is no file", Assert.ThrowsExactly<UsageException>(() => TaggedSentence.Read(file)).Message);
    }
}
