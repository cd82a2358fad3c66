using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>The words of a text one by one give the ids of the text, for every kind of tokenizer.</summary>
[TestClass]
public sealed class SpellTests
{
    [TestMethod]
    public void Spell_WordPieces_AreThoseOfTheText() => Check(TokenizerFixtures.Uncased, 1, 1, _ => true);

    [TestMethod]
    public void Spell_Unigram_AreThoseOfTheText()
    {
        using var files = TokenizerFixtures.Files(("spiece.model", TokenizerFixtures.Bytes("unigram", "spiece.model")));

        Check(TokenizerFactory.Create(files, "T5Tokenizer"), 0, 1, IsPlain);
    }

    [TestMethod]
    public void Spell_TokenizerThatTrimsItsTexts_AreThoseOfTheText()
    {
        using var files = TokenizerFixtures.Files(
            ("spm.model", TokenizerFixtures.Bytes("unigram", "spiece.model")),
            ("tokenizer_config.json", """{"tokenizer_class": "DebertaV2Tokenizer", "cls_token": "<pad>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<unk>"}"""u8.ToArray()));

        Check(TokenizerFactory.Create(files), 1, 1, IsPlain);
    }

    [TestMethod]
    public void Spell_BytePairs_AreThoseOfTheText()
    {
        using var files = TokenizerFixtures.Files(
            ("vocab.json", File.ReadAllText(TokenizerFixtures.LargeFile("roberta-base", "vocab.json"))),
            ("merges.txt", File.ReadAllText(TokenizerFixtures.LargeFile("roberta-base", "merges.txt"))),
            ("tokenizer_config.json", """{"tokenizer_class": "RobertaTokenizer"}"""));

        Check(TokenizerFactory.Create(files), 1, 1, IsPlain);
    }

    [TestMethod]
    public void Join_PairOfIds_PutsTextsWhereItSays()
    {
        var joined = TokenizerFixtures.Uncased.Join([7, 8], [9, 10, 11]);

        CollectionAssert.AreEqual(new[] { 101, 7, 8, 102, 9, 10, 11, 102 }, joined.Tokens.Ids);
        Assert.AreEqual((1, 4), (joined.FirstStart, joined.SecondStart));
        Assert.AreEqual((1, 4), (TokenizerFixtures.Uncased.Join([7, 8], null).FirstStart, TokenizerFixtures.Uncased.Join([7, 8], null).SecondStart));
        Assert.AreEqual((2, 3), (TokenizerFixtures.Uncased.SpecialCount(false), TokenizerFixtures.Uncased.SpecialCount(true)));
    }

    // Where white space is tokens of its own, only single spaces belong to words.
    private static bool IsPlain(string text) => !text.Contains("  ", StringComparison.Ordinal) && text.Length > 0 && text[0] != ' ' && text[^1] != ' '
        && text.All(letter => letter == ' ' || !char.IsWhiteSpace(letter));

    private static void Check(ITextTokenizer tokenizer, int before, int after, Func<string, bool> isMeant)
    {
        var texts = TokenizerFixtures.Lines("golden.jsonl").Select(row => row.GetProperty("text").GetString()!)
            .Where(text => isMeant(text) && !text.Contains('<', StringComparison.Ordinal) && !text.Contains('[', StringComparison.Ordinal)).ToArray();
        Assert.IsGreaterThan(50, texts.Length);
        foreach (var text in texts)
        {
            var expected = tokenizer.Encode(text, null, 100_000).Ids[before..^after];
            CollectionAssert.AreEqual(expected, TextUnits.Words(text).SelectMany(tokenizer.Spell).ToArray(), text);
        }
    }
}
