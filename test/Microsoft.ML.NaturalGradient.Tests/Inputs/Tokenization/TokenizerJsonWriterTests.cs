using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>Tokenizers that are written as tokenizer.json read back as the same; what reads it is compared with Hugging Face's in <see cref="PieceReferenceTests"/>.</summary>
[TestClass]
public sealed class TokenizerJsonWriterTests
{
    private static readonly byte[] Merges = TokenizerFixtures.Bytes("bpe", "merges.txt");
    private static readonly byte[] Pieces = TokenizerFixtures.Bytes("bpe", "vocab.json");

    public static IEnumerable<object[]> Rows { get; } =
    [
        ["vocab.txt", """{"tokenizer_class": "BertTokenizer"}"""],
        ["vocab.txt", """{"tokenizer_class": "BertTokenizer", "do_lower_case": false}"""],
        ["vocab.txt", """{"tokenizer_class": "DistilBertTokenizer", "strip_accents": false, "tokenize_chinese_chars": false}"""],
        ["vocab.txt", """{"tokenizer_class": "ElectraTokenizer", "added_tokens_decoder": {"30522": {"content": "[new]", "normalized": true, "rstrip": true}}}"""],
        ["vocab.json", """{"tokenizer_class": "RobertaTokenizer"}"""],
        ["vocab.json", """{"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true}"""],
        ["spiece.model", """{"tokenizer_class": "T5Tokenizer"}"""],
        ["spiece.model", """{"tokenizer_class": "T5Tokenizer", "legacy": false, "extra_ids": 3}"""],
        ["spiece.model", """{"tokenizer_class": "AlbertTokenizer", "keep_accents": true}"""],
        ["spiece.model", """{"tokenizer_class": "DebertaV2Tokenizer", "do_lower_case": true}"""],
        ["spiece.model", """{"tokenizer_class": "XLMRobertaTokenizer"}"""],
        ["spiece.model", """{"tokenizer_class": "CamembertTokenizer"}"""],
    ];

    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void ToJson_EveryFormat_ReadsBackAsTheSame(string file, string configuration)
    {
        var files = Files(file, configuration);
        var tokenizer = (TextTokenizer)TokenizerFactory.Create(files);

        var written = tokenizer.ToJson()!;

        var read = (TextTokenizer)TokenizerFactory.Create(TokenizerFixtures.Files(("tokenizer.json", written), ("tokenizer_config.json", files.Read("tokenizer_config.json"))));
        Assert.AreEqual((tokenizer.VocabularySize, tokenizer.PadId, tokenizer.MaxTokens), (read.VocabularySize, read.PadId, read.MaxTokens));
        Assert.IsNull(read.ToJson());
        foreach (var text in TokenizerFixtures.Lines("golden.jsonl").Select(row => row.GetProperty("text").GetString()!).Append("5, [new]  x <mask> [MASK] </s>"))
        {
            AssertSame(tokenizer, read, text, null);
            AssertSame(tokenizer, read, text, "Ünd `` the  second''\u2581 text");
        }

        Gen.Select(Gen.String, Gen.Int[8, 40]).Check(200, draw =>
        {
            AssertSame(tokenizer, read, draw.Item1, null, draw.Item2);
            return true;
        });
    }

    [TestMethod]
    public void ToJson_WordPiece_IsWhatHuggingFaceWrites()
    {
        var json = JsonNode.Parse(((TextTokenizer)TokenizerFactory.Create(Files("vocab.txt", """{"tokenizer_class": "BertTokenizer"}"""))).ToJson())!;

        Assert.AreEqual("""{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""", json["normalizer"]!.ToJsonString());
        Assert.AreEqual("""{"type":"BertPreTokenizer"}""", json["pre_tokenizer"]!.ToJsonString());
        Assert.AreEqual(
            """[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},"""
            + """{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}]""",
            json["post_processor"]!["pair"]!.ToJsonString());
        Assert.AreEqual("""{"id":"[SEP]","ids":[102],"tokens":["[SEP]"]}""", json["post_processor"]!["special_tokens"]!["[SEP]"]!.ToJsonString());
        Assert.AreEqual(30522, json["model"]!["vocab"]!.AsObject().Count);
    }

    private static MemoryCheckpointFiles Files(string file, string configuration)
    {
        var settings = ("tokenizer_config.json", System.Text.Encoding.UTF8.GetBytes(configuration));
        return file switch
        {
            "vocab.txt" => TokenizerFixtures.Files((file, TokenizerFixtures.VocabularyBytes), settings),
            "vocab.json" => TokenizerFixtures.Files((file, Pieces), ("merges.txt", Merges), settings),
            _ => TokenizerFixtures.Files((file, ModelOf(configuration)), settings),
        };
    }

    private static byte[] ModelOf(string configuration) =>
        configuration.Contains("T5", StringComparison.Ordinal) ? TokenizerFixtures.Bytes("unigram", "spiece.model")
        : configuration.Contains("Roberta", StringComparison.Ordinal) || configuration.Contains("Camembert", StringComparison.Ordinal)
            ? TokenizerFixtures.ModelFile(("<unk>", SentencePieceKind.Unknown), ("<s>", SentencePieceKind.Control), ("</s>", SentencePieceKind.Control))
            : TokenizerFixtures.ModelFile(
                ("<pad>", SentencePieceKind.Control), ("<unk>", SentencePieceKind.Unknown), ("[CLS]", SentencePieceKind.Control), ("[SEP]", SentencePieceKind.Control),
                ("[PAD]", SentencePieceKind.Control), ("[MASK]", SentencePieceKind.Control), ("[UNK]", SentencePieceKind.Control));

    private static void AssertSame(TextTokenizer expected, TextTokenizer actual, string text, string? pair, int length = 512)
    {
        var (first, second) = (expected.Encode(text, pair, length), actual.Encode(text, pair, length));
        CollectionAssert.AreEqual(first.Ids, second.Ids, text);
        CollectionAssert.AreEqual(first.TypeIds, second.TypeIds, text);
    }
}
