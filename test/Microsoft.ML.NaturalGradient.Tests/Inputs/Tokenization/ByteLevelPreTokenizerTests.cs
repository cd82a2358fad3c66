using System.Text.RegularExpressions;
using CsCheck;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed partial class ByteLevelPreTokenizerTests
{
    // Characters of one UTF-16 unit, by which .NET's expressions go.
    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.Char[' ', '~'].Select(c => c.ToString()),
        Gen.Char['\u00A0', '\uD7FF'].Select(c => c.ToString()),
        TokenizerFixtures.OneOf("'s", "'ll", "'S", " ", "  ", "\n", "\t ", "\u2003", "\u0085", "x", "1")).Array[0, 30].Select(string.Concat);

    [TestMethod]
    public void PreTokenize_AnyText_EqualsExpression() =>
        Text.Check(5000, text => Words(text).SequenceEqual(Expression().Matches(text).Select(match => match.Value)));

    [TestMethod]
    [DataRow("x\U0001D400\U0001D7D81\U0001F600z", "x\U0001D400|\U0001D7D81|\U0001F600|z", DisplayName = "letters and digits beyond U+FFFF")]
    [DataRow(" \U0001D400", " \U0001D400")]
    [DataRow("a\uD800 b", "a|\uD800| b", DisplayName = "a lone surrogate is a symbol")]
    public void PreTokenize_TwoUnits_GoesByCodePoint(string text, string expected) => Assert.AreEqual(expected, string.Join('|', Words(text)));

    private static IEnumerable<string> Words(string text) =>
        new ByteLevelPreTokenizer().PreTokenize(text).Select(word => text.Substring(word.Offset, word.Length));

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    private static partial Regex Expression();
}
