using System.Buffers.Binary;
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
    [DataRow("A\u0300\u0301", "\u00C0\u0301", DisplayName = "second mark, which the reference drops")]
    [DataRow("\u00A0\u0301", " \u0301", DisplayName = "mark behind a character that is replaced, which the reference drops")]
    [DataRow("\u00A0\u200D", " \u200D")]
    [DataRow("a\r\nb", "a  b", DisplayName = "two spaces, of which the reference makes one")]
    [DataRow("\u1100\u1161", "\uAC00", DisplayName = "jamo, which the reference leaves apart")]
    [DataRow("\u304B\u3099", "\u304C", DisplayName = "kana with a voiced mark, likewise")]
    public void Apply_Grapheme_IsReplacedAsBySentencePiece(string text, string expected) =>
        Assert.AreEqual(expected, Map(TokenizerFixtures.Unigram.CharacterMap).Apply(text));

    [TestMethod]
    public void Apply_LongText_IsItsWordsOneByOne()
    {
        var map = Map(TokenizerFixtures.Unigram.CharacterMap);
        string[] words = ["plain", "e\u0301", "x", "\uFF21\uFF22", "caf\u00E9s", "\u200B", "na\u00EFvely", "\u00A0", "ne\u0301e"];
        var random = new Random(1);
        var text = Enumerable.Range(0, 2000).Select(_ => words[random.Next(words.Length)]).ToArray();

        Assert.AreEqual(string.Join(' ', text.Select(map.Apply)), map.Apply(string.Join(' ', text)));
    }

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

    [TestMethod]
    public void Apply_MapThatGoesRoundInCircles_Ends()
    {
        var map = new byte[4 + (4 * 256) + 1];
        BinaryPrimitives.WriteInt32LittleEndian(map, 4 * 256);
        BinaryPrimitives.WriteInt32LittleEndian(map.AsSpan(4 + (4 * 'a')), ('a' << 10) | 'a'); // after an a, an a leads to the same place

        var text = new string('a', 300_000) + "\u00E9"; // looked at from every place to the end: minutes

        Assert.AreEqual(text, Map(map).Apply(text));
    }

    [TestMethod]
    public void Cleaning_ReplacementOfThousandsOfLetters_IsRefusedBeforeItTakesMemory()
    {
        var replacement = new byte[1_000_000];
        replacement.AsSpan(..^1).Fill((byte)'x');
        byte[] map = [0, 4, 0, 0, .. new byte[4 * 256], .. replacement];
        BinaryPrimitives.WriteInt32LittleEndian(map.AsSpan(4 + (4 * 'a')), (1 << 10) | 0x100 | 'a'); // an a is replaced, by what the next unit names

        var cleaning = Map(map).Cleaning;
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.AreEqual(1, cleaning.Apply("\u00E9").Length);
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => cleaning.Apply(new string('a', 5000)));

        StringAssert.Contains(exception.Message, "makes more than 510000 letters of a text");
        Fixture.AssertLess(20_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static CharacterMap Map(byte[] bytes) => new(bytes, "the test");
}
