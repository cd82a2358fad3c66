using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>Ids of Hugging Face's implementation for byte-level BPE and unigram, string by string.</summary>
[TestClass]
public sealed class PieceReferenceTests
{
    private const int RowCount = 146;

    private static readonly (string, SentencePieceKind)[] XlmRoberta =
        [("<unk>", SentencePieceKind.Unknown), ("<s>", SentencePieceKind.Control), ("</s>", SentencePieceKind.Control)];

    private static readonly (string, SentencePieceKind)[] Albert =
    [
        ("<pad>", SentencePieceKind.Control), ("<unk>", SentencePieceKind.Unknown), ("[CLS]", SentencePieceKind.Control),
        ("[SEP]", SentencePieceKind.Control), ("[MASK]", SentencePieceKind.Control),
    ];

    private static readonly (string, SentencePieceKind)[] Deberta =
    [
        ("[PAD]", SentencePieceKind.Control), ("[CLS]", SentencePieceKind.Control), ("[SEP]", SentencePieceKind.Control), ("[UNK]", SentencePieceKind.Unknown),
    ];

    // Known differences: letters with several marks, and jamo, which SentencePiece itself composes as we do and the reference does not (CharacterMap).
    private static readonly string[] Marks = ["e\u0323\u0301", "\u1100\u1161\u11a8", "e\u0301\u0941"];

    [TestMethod]
    [DataRow("bpe-roberta", 0)]
    [DataRow("bpe-roberta-space", 0)]
    [DataRow("bpe-modernbert", 0)]
    [DataRow("unigram-t5", 1)]
    [DataRow("unigram-t5-first", 1)]
    [DataRow("unigram-bytes", 3)]
    [DataRow("unigram-xlmr", 1)]
    [DataRow("unigram-xlmr-words", 1)]
    [DataRow("unigram-albert", 0)]
    [DataRow("unigram-deberta", 1)]
    public void Encode_TokenizerJson_EqualsReference(string name, int marks)
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", TokenizerFixtures.Definition(name).ToJsonString()));

        CheckRows(TokenizerFactory.Create(files), name, marks);
    }

    [TestMethod]
    [DataRow("bpe-roberta", "RobertaTokenizer", "", 0)]
    [DataRow("bpe-roberta-space", "RobertaTokenizerFast", ", \"add_prefix_space\": true", 0)]
    [DataRow("unigram-t5", "T5Tokenizer", "", 1)]
    [DataRow("unigram-t5-first", "T5TokenizerFast", ", \"legacy\": false", 1)]
    [DataRow("unigram-xlmr", "XLMRobertaTokenizer", "", 1)]
    [DataRow("unigram-albert", "AlbertTokenizer", "", 0)]
    [DataRow("unigram-deberta", "DebertaV2Tokenizer", "", 1)]
    public void Encode_VocabularyFiles_EqualsReference(string name, string tokenizerClass, string settings, int marks)
    {
        var configuration = Encoding.UTF8.GetBytes($$"""{"tokenizer_class": "{{tokenizerClass}}"{{settings}}}""");
        (string, byte[])[] vocabulary = tokenizerClass switch
        {
            "T5Tokenizer" or "T5TokenizerFast" => [("spiece.model", TokenizerFixtures.Bytes("unigram", "spiece.model"))],
            "XLMRobertaTokenizer" => [("sentencepiece.bpe.model", TokenizerFixtures.ModelFile(XlmRoberta))],
            "AlbertTokenizer" => [("spiece.model", TokenizerFixtures.ModelFile(Albert))],
            "DebertaV2Tokenizer" => [("spm.model", TokenizerFixtures.ModelFile(Deberta))],
            _ => [("vocab.json", TokenizerFixtures.Bytes("bpe", "vocab.json")), ("merges.txt", TokenizerFixtures.Bytes("bpe", "merges.txt"))],
        };
        using var files = TokenizerFixtures.Files([("tokenizer_config.json", configuration), .. vocabulary]);

        CheckRows(TokenizerFactory.Create(files), name, marks);
    }

    // fairseq puts other special tokens before CamemBERT's pieces: the ids of <s> and </s> are those of the file, and pieces and mask come three later.
    [TestMethod]
    public void Encode_CamembertFile_HasTheIdsOfXlmRobertaMoved()
    {
        using var files = TokenizerFixtures.Files(("sentencepiece.bpe.model", TokenizerFixtures.ModelFile(XlmRoberta)));
        var tokenizer = TokenizerFactory.Create(files, "CamembertTokenizer");

        Assert.AreEqual((TokenizerFixtures.Unigram.Pieces.Count + 5, 1), (tokenizer.VocabularySize, tokenizer.PadId)); // 32005 for the 32000 pieces of camembert-base
        Assert.AreEqual($"5,{tokenizer.VocabularySize - 1},6", tokenizer.Ids("<mask>"));
        Assert.AreEqual("5,0,6", tokenizer.Ids("<s>NOTUSED"));
        CheckRows(tokenizer, "unigram-xlmr", 1, CamembertId);
    }

    [TestMethod]
    public void Encode_CamembertTokenizerJson_HasTheIdsOfXlmRobertaMoved()
    {
        var definition = TokenizerFixtures.Definition("unigram-xlmr");
        var pieces = definition["model"]!["vocab"]!.AsArray().Skip(4).Select(piece => piece!.DeepClone());
        (string Piece, double Score)[] special =
            [("<s>NOTUSED", 0), ("<pad>", 0), ("</s>NOTUSED", 0), ("<unk>", 0), ("<unk>NOTUSED", -100), ("<s>", 0), ("</s>", 0)];
        definition["model"]!["vocab"] = new JsonArray([.. special.Select(entry => new JsonArray(entry.Piece, entry.Score)), .. pieces]);
        foreach (var token in definition["added_tokens"]!.AsArray())
        {
            token!["id"] = CamembertId((int)token["id"]!);
        }

        var template = definition["post_processor"]!["special_tokens"]!;
        (template["<s>"]!["ids"], template["</s>"]!["ids"]) = (new JsonArray(5), new JsonArray(6));
        using var files = TokenizerFixtures.Files(
            ("tokenizer.json", definition.ToJsonString()), ("tokenizer_config.json", """{"tokenizer_class": "CamembertTokenizer"}"""));

        CheckRows(TokenizerFactory.Create(files), "unigram-xlmr", 1, CamembertId);
    }

    private static int CamembertId(int id) => id switch
    {
        1 or 3 => id, // <pad> and <unk>
        0 => 5,
        2 => 6,
        _ => id + 3,
    };

    private static void CheckRows(ITextTokenizer tokenizer, string name, int expectedMarks, Func<int, int>? moved = null)
    {
        var failures = new List<string>();
        var marks = 0;
        var rows = TokenizerFixtures.Lines("pieces.jsonl").ToList();
        foreach (var row in rows)
        {
            var (text, pair) = (row.GetProperty("text").GetString()!, row.GetProperty("pair").GetString());
            var maxLength = row.GetProperty("max_length");
            var actual = tokenizer.Encode(text, pair, maxLength.ValueKind == JsonValueKind.Null ? 512 : maxLength.GetInt32());
            var expected = row.Integers(name).Select(moved ?? (id => id)).ToArray();
            var types = row.TryGetProperty(name + ":types", out _) ? row.Integers(name + ":types") : [];
            if (actual.Ids.SequenceEqual(expected) && (actual.TypeIds ?? []).SequenceEqual(types))
            {
                continue;
            }

            if (pair is null && Array.Exists(Marks, letters => text.Contains(letters, StringComparison.Ordinal)))
            {
                marks++;
            }
            else
            {
                failures.Add($"{row.GetProperty("text").GetRawText()}: {string.Join(',', actual.Ids)} instead of {string.Join(',', expected)}");
            }
        }

        Assert.HasCount(RowCount, rows);
        Assert.IsEmpty(failures, $"{failures.Count} of {rows.Count}{Environment.NewLine}{string.Join(Environment.NewLine, failures)}");
        Assert.AreEqual(expectedMarks, marks);
    }
}
