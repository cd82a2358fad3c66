using System.Globalization;
using System.Text;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>Tokenizer files of somebody who wants texts to take all memory or time.</summary>
[TestClass]
public sealed class StrangeTokenizerTests
{
    private const string Double = """{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}""";

    private static readonly string Pieces = string.Join(", ", new[] { "<pad>", "<unk>", "a", "\u2581" }.Select(piece => $"[\"{piece}\", -1.0]"));

    [TestMethod]
    [DataRow(60, false)]
    [DataRow(60, true, DisplayName = "sequences within sequences")]
    public void Encode_NormalizerThatDoublesATextAgainAndAgain_IsRefusedBeforeItTakesMemory(int times, bool nested)
    {
        var steps = nested
            ? string.Join(", ", Enumerable.Repeat(Sequence(string.Join(", ", Enumerable.Repeat(Double, times / 4))), 4))
            : string.Join(", ", Enumerable.Repeat(Double, times));
        var tokenizer = Read(Sequence(steps));
        var before = GC.GetAllocatedBytesForCurrentThread();

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => tokenizer.Encode(new string('a', 1000), null, 16));

        StringAssert.Contains(exception.Message, "normalizer makes more than 110000 letters of a text, over 100 times as many as it had");
        Fixture.AssertLess(10_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    [DataRow("\"String\": \"a\"")]
    [DataRow("\"Regex\": \" {2,}\"")]
    public void Encode_ReplacementOfAMillionLetters_IsRefusedBeforeItTakesMemory(string pattern)
    {
        var tokenizer = Read($$"""{"type": "Replace", "pattern": { {{pattern}} }, "content": "{{new string('x', 1_000_000)}}"}""");
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.ThrowsExactly<InvalidDataException>(() => tokenizer.Encode(string.Concat(Enumerable.Repeat("a  ", 1000)), null, 16));

        Fixture.AssertLess(10_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Encode_TextThatGrowsAsMuchAsAnyModelMakesIt_IsRead() =>
        Assert.HasCount(3, Read(Sequence("""{"type": "NFKC"}""")).Encode(new string('\uFDFA', 5000), null, 3).Ids); // 18 letters each

    [TestMethod]
    public void Read_StepsByTheHundred_AreRefused() =>
        AssertRefused("has more than 100 steps", Sequence(string.Join(", ", Enumerable.Repeat("""{"type": "Lowercase"}""", 101))));

    [TestMethod]
    public void Read_ExpressionThatBacktracksForever_IsRefusedUnread() =>
        AssertRefused("which is not supported", """{"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}""");

    [TestMethod]
    public void Read_PieceOfThousandsOfLetters_IsRefused()
    {
        AssertRefused("has a piece of 4000 letters", Sequence(""), pieces: $"{Pieces}, [\"{new string('b', 4000)}\", -2.0]");
        using var files = TokenizerFixtures.Files(("vocab.txt", $"[PAD]\n[UNK]\n[CLS]\n[SEP]\n{new string('b', 4000)}\n"));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(files)).Message, "has a piece of 4000 letters");
    }

    [TestMethod]
    public void Read_AddedTokensByTheHundredThousand_AreRefused()
    {
        var tokens = new StringBuilder();
        for (var id = 4; id < 100_010; id++)
        {
            tokens.Append(id == 4 ? "" : ", ").Append(CultureInfo.InvariantCulture, $$"""{"id": {{id}}, "content": "<{{id}}>"}""");
        }

        AssertRefused("added tokens; at most 100000 are read", Sequence(""), tokens: tokens.ToString());
    }

    private static string Sequence(string steps) => $$"""{"type": "Sequence", "normalizers": [{{steps}}]}""";

    private static ITextTokenizer Read(string normalizer, string? pieces = null, string tokens = "")
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", $$"""
            {"added_tokens": [{{tokens}}], "normalizer": {{normalizer}}, "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": true},
             "model": {"type": "Unigram", "unk_id": 1, "vocab": [{{pieces ?? Pieces}}] } }
            """));
        return TokenizerFactory.Create(files);
    }

    private static void AssertRefused(string expected, string normalizer, string? pieces = null, string tokens = "") =>
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Read(normalizer, pieces, tokens)).Message, expected);
}
