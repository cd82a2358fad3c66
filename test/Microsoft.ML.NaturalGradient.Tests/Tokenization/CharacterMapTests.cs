using CsCheck;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class CharacterMapTests
{
    [TestMethod]
    [DataRow("plain ASCII, 100%", "plain ASCII, 100%")]
    [DataRow("\u2460\uFF21\uFB01", "1Afi", DisplayName = "compatibility forms")]
    [DataRow("e\u0301", "\u00E9", DisplayName = "accents are composed")]
    [DataRow("e\u0323\u0301", "\u1EB9\u0301", DisplayName = "the longest sequence that the map knows")]
    [DataRow("\u1100\u1161\u11A8", "\uAC01")]
    [DataRow("a\tb\u3000c\u00A0d", "a b c d", DisplayName = "white space becomes spaces")]
    [DataRow("a\u0001b\u200Bc", "ab c", DisplayName = "control characters are dropped")]
    [DataRow("\U0001F600", "\U0001F600")]
    [DataRow("", "")]
    public void Apply_Text_IsReplaced(string text, string expected) => Assert.AreEqual(expected, Map(TokenizerFixtures.Unigram.CharacterMap).Apply(text));

    [TestMethod]
    [DataRow(0)]
    [DataRow(3)]
    [DataRow(1000)]
    public void Constructor_TruncatedMap_Throws(int length)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Map(TokenizerFixtures.Unigram.CharacterMap[..length]));

        Assert.Contains("precompiled_charsmap", exception.Message);
    }

    [TestMethod]
    public void Apply_DamagedMap_ThrowsOnlyInvalidData() => Gen.Select(Gen.Int[4, 200_000], Gen.Byte, Gen.Int[0x80, 0xFFFF]).Check(
        200,
        draw =>
        {
            var (place, value, letter) = draw;
            var bytes = TokenizerFixtures.Unigram.CharacterMap.ToArray();
            bytes[place] = value;
            try
            {
                _ = Map(bytes).Apply("x" + (char)letter);
            }
            catch (InvalidDataException)
            {
                // said what is wrong
            }
        });

    private static CharacterMap Map(byte[] bytes) => new(bytes, "the test");
}
