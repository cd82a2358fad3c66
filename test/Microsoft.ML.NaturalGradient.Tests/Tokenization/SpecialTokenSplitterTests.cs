using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class SpecialTokenSplitterTests
{
    private static readonly SpecialTokenSplitter Splitter = new(new Dictionary<string, int> { ["<a>"] = 1, ["<a>>"] = 2, ["<b>"] = 3 });

    [TestMethod]
    [DataRow("x<b><a>", 1, 3, 3, DisplayName = "the first one")]
    [DataRow("<a>>", 0, 4, 2, DisplayName = "the longest one")]
    [DataRow("<<a>", 1, 3, 1)]
    public void TryFind_TokenInText_GivesPlaceAndId(string text, int start, int length, int id)
    {
        var found = Splitter.TryFind(text, out var actualStart, out var actualLength, out var actualId);

        Assert.IsTrue(found);
        Assert.AreEqual((start, length, id), (actualStart, actualLength, actualId));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("<A> <a")]
    public void TryFind_NoToken_GivesTextLength(string text)
    {
        var found = Splitter.TryFind(text, out var start, out var length, out _);

        Assert.IsFalse(found);
        Assert.AreEqual((text.Length, 0), (start, length));
    }
}
