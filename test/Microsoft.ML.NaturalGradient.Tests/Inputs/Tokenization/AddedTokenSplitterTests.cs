using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class AddedTokenSplitterTests
{
    private static readonly AddedTokenSplitter Splitter = new(
    [
        new("<a>", 1), new("<a>>", 2), new("<b>", 3), new("<l>", 4) { TakesSpaceBefore = true }, new("<r>", 5) { TakesSpaceAfter = true },
    ]);

    [TestMethod]
    [DataRow("x<b><a>", 1, 4, 3, DisplayName = "the first one")]
    [DataRow("<a>>", 0, 4, 2, DisplayName = "the longest one")]
    [DataRow("<<a>", 1, 4, 1)]
    [DataRow("x \t<l> y", 1, 6, 4, DisplayName = "takes white space before it")]
    [DataRow("x <r> \u3000y", 2, 7, 5, DisplayName = "takes white space after it")]
    [DataRow("  <l>", 0, 5, 4)]
    [DataRow("<r>  ", 0, 5, 5)]
    public void TryFind_TokenInText_GivesPlaceAndId(string text, int start, int end, int id)
    {
        var found = Splitter.TryFind(text, out var actualStart, out var actualEnd, out var actualId);

        Assert.IsTrue(found);
        Assert.AreEqual((start, end, id), (actualStart, actualEnd, actualId));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("<A> <a")]
    public void TryFind_NoToken_GivesTextLength(string text)
    {
        var found = Splitter.TryFind(text, out var start, out var end, out _);

        Assert.IsFalse(found);
        Assert.AreEqual((text.Length, text.Length), (start, end));
    }
}
