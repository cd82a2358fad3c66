using Microsoft.ML.NaturalGradient.Models.T5;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

[TestClass]
public sealed class LabelWordsTests
{
    private static readonly WordTokenizer Tokenizer = new("good", "bad", "very");
    private static readonly T5Config Config = T5Fixture.Config(T5Fixture.Tied) with { DecoderStartId = 3, PadId = 4 };

    [TestMethod]
    public void Tables_WordsOfSeveralLengths_AreShiftedAndPadded()
    {
        using var scope = NewDisposeScope();

        var words = LabelWords.Encode(["good", "very bad"], Tokenizer, Config);

        Assert.AreEqual(3, words.MaxLength);
        CollectionAssert.AreEqual(new long[] { 5, 1, -100, 7, 6, 1 }, words.Labels(CPU).data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 3, 5, 1, 3, 7, 6 }, words.DecoderIds(CPU).data<long>().ToArray());
    }

    [TestMethod]
    public void Tables_MuchShorterWord_IsPaddedForTheDecoder()
    {
        using var scope = NewDisposeScope();

        var words = LabelWords.Encode(["good", "very very bad"], Tokenizer, Config);

        CollectionAssert.AreEqual(new long[] { 3, 5, 1, 4 }, words.DecoderIds(CPU)[0].data<long>().ToArray());
    }

    [TestMethod]
    public void Encode_SharedFirstToken_IsAcceptedAndReported()
    {
        var words = LabelWords.Encode(["very good", "bad", "very bad", "very"], Tokenizer, Config);

        CollectionAssert.AreEqual(new[] { "very good", "very bad", "very" }, words.SharedFirstTokens.Single());
        Assert.IsEmpty(LabelWords.Encode(["good", "bad"], Tokenizer, Config).SharedFirstTokens);
    }

    [TestMethod]
    [DataRow("bad ")]
    [DataRow("bad")]
    public void Encode_SameTokens_NamesBothWords(string other)
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => LabelWords.Encode(["bad", "good", other], Tokenizer, Config));

        StringAssert.Contains(exception.Message, $"'bad' and '{other}'");
    }

    [TestMethod]
    public void Encode_UnknownWords_AreTheSameToTheModel()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => LabelWords.Encode(["好", "坏"], Tokenizer, Config));

        StringAssert.Contains(exception.Message, "'好' and '坏'");
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("  ")]
    public void Encode_NoTokens_NamesTheWord(string word)
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => LabelWords.Encode(["good", word], Tokenizer, Config));

        StringAssert.Contains(exception.Message, $"'{word}' has no tokens");
    }

    [TestMethod]
    public void Encode_LongWord_SaysHowLongItMayBe()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(
            () => LabelWords.Encode(["good", string.Join(' ', Enumerable.Repeat("very", 64))], Tokenizer, Config));

        StringAssert.Contains(exception.Message, "64 tokens");
    }
}
