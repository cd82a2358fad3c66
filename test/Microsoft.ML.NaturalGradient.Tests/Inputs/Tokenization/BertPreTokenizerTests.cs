using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class BertPreTokenizerTests
{
    [TestMethod]
    [DataRow("", "")]
    [DataRow("  ", "")]
    [DataRow("don't  stop", "don|'|t|stop")]
    [DataRow("a_b$5^", "a|_|b|$|5|^")]
    [DataRow("\u00A35 \u2026x\u3002", "\u00A35|\u2026|x|\u3002", DisplayName = "symbols beyond ASCII stay in words")]
    [DataRow("\U0001F600a\U00010100b", "\U0001F600a|\U00010100|b", DisplayName = "punctuation of two UTF-16 units")]
    public void PreTokenize_Text_SplitsAtSpacesAndPunctuation(string text, string expected)
    {
        var words = new BertPreTokenizer().PreTokenize(text).Select(word => text.Substring(word.Offset, word.Length));

        Assert.AreEqual(expected, string.Join('|', words));
    }
}
