using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class BertNormalizerTests
{
    [TestMethod]
    [DataRow("tab\tnew\nline\rend", "tab new line end")]
    [DataRow("a\u0000b\uFFFDc\u0007d\u200De\u00ADf\uE000g", "abcdefg", DisplayName = "characters without meaning are dropped")]
    [DataRow("\u3000\u00A0\u2003", "   ", DisplayName = "every white space becomes a space")]
    [DataRow("x\uD83Dy\uDE00z", "xyz", DisplayName = "lone surrogates are dropped")]
    [DataRow("a\uFFFEb", "a\uFFFEb", DisplayName = "a noncharacter is kept")]
    public void Normalize_NoFurtherStep_OnlyCleans(string text, string expected) =>
        Assert.AreEqual(expected, new BertNormalizer(false, false, false).Normalize(text));

    [TestMethod]
    [DataRow("\u0130", "i\u0307", DisplayName = "dotted capital I lowers to two characters")]
    [DataRow("\u03A3\u0391\u03A3", "\u03C3\u03B1\u03C3", DisplayName = "final sigma stays the common one")]
    [DataRow("\u00C9", "\u00E9")]
    public void Normalize_Lowercase_KeepsAccents(string text, string expected) =>
        Assert.AreEqual(expected, new BertNormalizer(true, false, false).Normalize(text));

    [TestMethod]
    [DataRow("\u00C9\u0130", "EI")]
    [DataRow("e\u0301\u0323", "e")]
    [DataRow("\uAC01", "\u1100\u1161\u11A8", DisplayName = "Hangul syllables fall apart")]
    [DataRow("a\uFFFEb\u00E9", "a\uFFFEbe", DisplayName = "a character that .NET cannot normalize stays")]
    public void Normalize_StripAccents_KeepsCase(string text, string expected) =>
        Assert.AreEqual(expected, new BertNormalizer(false, true, false).Normalize(text));

    [TestMethod]
    [DataRow(true, "a \u4E2D  \U00020000 b")]
    [DataRow(false, "a\u4E2D\U00020000b")]
    public void Normalize_Ideographs_SeparatedOnlyWhenAsked(bool separate, string expected) =>
        Assert.AreEqual(expected, new BertNormalizer(false, false, separate).Normalize("a\u4E2D\U00020000b"));
}
