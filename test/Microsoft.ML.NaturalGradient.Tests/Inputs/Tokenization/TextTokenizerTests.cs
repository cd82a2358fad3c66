using CsCheck;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class TextTokenizerTests
{
    private const int ClassId = 101;
    private const int SeparatorId = 102;

    private static readonly string[] Fragments = ["[CLS]", "[MASK", "]", " ", "\n", "\uFFFE", "\uD83D", "\uDE00", "the", "ing"];

    // Any UTF-16 units (lone surrogates included) mixed with pieces that the tokenizer treats specially.
    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.Char.Select(c => c.ToString()),
        Gen.Int[0x20, 0x7E].Select(c => ((char)c).ToString()),
        Gen.Int[0x10000, 0x10FFFF].Select(char.ConvertFromUtf32),
        Gen.Int[0, Fragments.Length - 1].Select(n => Fragments[n]))
        .Array[0, 40].Select(string.Concat);

    [TestMethod]
    public void Encode_AnyUtf16_GivesValidSequence()
    {
        var tokenizer = TokenizerFixtures.Uncased;

        Gen.Select(AnyText, Gen.OneOf(Gen.Const((string?)null), AnyText.Select(text => (string?)text)), Gen.Int[3, 64]).Check(2000, draw =>
        {
            var (text, pair, maxLength) = draw;
            var sequence = tokenizer.Encode(text, pair, maxLength);
            var separators = sequence.Ids.Length <= maxLength && sequence.Ids[0] == ClassId && sequence.Ids[^1] == SeparatorId;
            return separators
                && sequence.Ids.All(id => id >= 0 && id < tokenizer.VocabularySize)
                && (sequence.TypeIds is null) == (pair is null)
                && (sequence.TypeIds is null || sequence.TypeIds.Length == sequence.Ids.Length);
        });
    }

    [TestMethod]
    public void Encode_TruncatedText_IsPrefixOfWholeTextWithItsEndToken()
    {
        var tokenizer = TokenizerFixtures.Uncased;

        Gen.Select(AnyText, Gen.Int[2, 40]).Check(1000, draw =>
        {
            var (text, maxLength) = draw;
            var whole = tokenizer.Encode(text, null, int.MaxValue);
            var cut = tokenizer.Encode(text, null, maxLength);
            return cut.Truncated == (whole.Ids.Length > maxLength)
                && cut.Ids.Length == Math.Min(whole.Ids.Length, maxLength)
                && cut.Ids.AsSpan(0, cut.Ids.Length - 1).SequenceEqual(whole.Ids.AsSpan(0, cut.Ids.Length - 1))
                && cut.Ids[^1] == SeparatorId;
        });
    }

    [TestMethod]
    public void Encode_EmptyText_GivesOnlySpecialTokens()
    {
        var single = TokenizerFixtures.Uncased.Encode("", null, 16);
        var pair = TokenizerFixtures.Uncased.Encode("", "", 16);

        Assert.AreEqual($"{ClassId},{SeparatorId}", string.Join(',', single.Ids));
        Assert.IsNull(single.TypeIds);
        Assert.IsFalse(single.Truncated);
        Assert.AreEqual($"{ClassId},{SeparatorId},{SeparatorId}", string.Join(',', pair.Ids));
        Assert.AreEqual("0,0,1", string.Join(',', pair.TypeIds!));
    }

    [TestMethod]
    public void Encode_TextOfManyParts_EqualsItsStringsOneByOne()
    {
        // A space separates words whatever is around it, so the ids of a joined text are the joined ids.
        var strings = Enumerable.Repeat(TokenizerFixtures.Lines("golden.jsonl").Select(row => row.GetProperty("text").GetString()!), 20)
            .SelectMany(texts => texts).ToList();
        var expected = strings.SelectMany(text => TokenizerFixtures.Uncased.Encode(text, null, 512).Ids[1..^1]).ToArray();

        var actual = TokenizerFixtures.Uncased.Encode(string.Join(' ', strings), null, int.MaxValue);

        CollectionAssert.AreEqual(expected, actual.Ids[1..^1]);
    }

    [TestMethod]
    [DataRow(511, 510, 255)]
    [DataRow(510, 511, 254)]
    [DataRow(5000, 511, 255)]
    [DataRow(5000, 4000, 254)] // each fills the whole sequence, so neither counts as longer
    [DataRow(4000, 4000, 254)]
    public void Encode_TwoLongTextsAndOddLimit_LongerTextGetsOddToken(int firstWords, int secondWords, int expected)
    {
        var first = string.Join(' ', Enumerable.Repeat("one", firstWords));
        var second = string.Join(' ', Enumerable.Repeat("two", secondWords));

        var sequence = TokenizerFixtures.Uncased.Encode(first, second, 512);

        var keptOfFirst = Array.IndexOf(sequence.Ids, SeparatorId) - 1;
        Assert.AreEqual(expected, keptOfFirst); // 509 = 255 + 254
        Assert.HasCount(512, sequence.Ids);
        Assert.IsTrue(sequence.Truncated);
    }

    [TestMethod]
    public void Encode_MegabyteOfText_Ends()
    {
        var text = string.Concat(Enumerable.Repeat("Long texts should be cut [MASK] early; ", 26_000));
        var oneWord = new string('\u00E9', 1_000_000);

        var sequence = TokenizerFixtures.Uncased.Encode(text, oneWord, 128);
        var unbroken = TokenizerFixtures.Uncased.Encode(oneWord, null, 128); // 0.1 s; quadratic work would take minutes

        Assert.HasCount(128, sequence.Ids);
        Assert.HasCount(3, unbroken.Ids);
    }

    [TestMethod]
    public void Encode_ManyThreads_GivesSameIds()
    {
        var texts = TokenizerFixtures.Lines("golden.jsonl").Select(row => row.GetProperty("text").GetString()!).ToArray();
        var expected = Array.ConvertAll(texts, text => TokenizerFixtures.Uncased.Encode(text, text, 64).Ids);
        var wrong = 0;

        Parallel.For(0, texts.Length * 10, new ParallelOptions { MaxDegreeOfParallelism = 8 }, n =>
        {
            var index = n % texts.Length;
            if (!TokenizerFixtures.Uncased.Encode(texts[index], texts[index], 64).Ids.SequenceEqual(expected[index]))
            {
                Interlocked.Increment(ref wrong);
            }
        });

        Assert.AreEqual(0, wrong);
    }

    [TestMethod]
    [DataRow(null, 1)]
    [DataRow("pair", 2)]
    public void Encode_NoRoomForSpecialTokens_Throws(string? pair, int maxLength)
    {
        var exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => TokenizerFixtures.Uncased.Encode("text", pair, maxLength));

        Assert.Contains($"A length of {maxLength} has no room", exception.Message);
    }

    [TestMethod]
    public void Encode_NullText_Throws() =>
        Assert.ThrowsExactly<ArgumentNullException>(() => TokenizerFixtures.Uncased.Encode(null!, null, 16));

    [TestMethod]
    public void Encode_AddedTokenInText_StaysWhole()
    {
        var tokenizer = TokenizerFixtures.Create(new WordPieceSettings { AddedTokens = [new AddedToken("[unused7]", 8)] });

        var ids = tokenizer.Encode("a[unused7]b", null, 16).Ids;

        Assert.AreEqual($"{ClassId},1037,8,1038,{SeparatorId}", string.Join(',', ids));
    }

    [TestMethod]
    public void Properties_OfFixtureVocabulary_AreItsOwn()
    {
        Assert.AreEqual(30522, TokenizerFixtures.Uncased.VocabularySize);
        Assert.AreEqual(0, TokenizerFixtures.Uncased.PadId);
    }
}
