using System.Text;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class WordPieceVocabularyTests
{
    [TestMethod]
    [DataRow("a\nb\n\n##c\n")]
    [DataRow("a\r\nb\r\n\r\n##c")]
    public void Constructor_LineEndingsAndBlankLines_IdsAreLineNumbers(string text)
    {
        var vocabulary = Read(text);

        Assert.HasCount(3, vocabulary.Ids);
        Assert.AreEqual(1, vocabulary.Ids["b"]);
        Assert.AreEqual(3, vocabulary.Ids["##c"]);
        Assert.IsFalse(vocabulary.Ids.ContainsKey(""));
    }

    [TestMethod]
    public void Constructor_PieceTwice_HasLaterId() => Assert.AreEqual(2, Read("a\nb\na\n").Ids["a"]);

    [TestMethod]
    public void Constructor_NoPieces_Throws()
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Read("\n\n"));

        Assert.Contains("vocab.txt of the test is empty", exception.Message);
    }

    private static WordPieceVocabulary Read(string text) => new(new MemoryStream(Encoding.UTF8.GetBytes(text)), "the test");
}
