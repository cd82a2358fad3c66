using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>The golden strings with the vocabularies of published models, as far as they are on this machine.</summary>
[TestClass]
public sealed class GoldenStringTests
{
    private const int RowCount = 199;

    // Exceptions from equality, by reason; each must still differ. The references of these fields do not recognise special tokens in a text,
    // as the tokenizers of all models do.
    private static readonly string[] SpecialInText = ["<s> hi </s>"];

    // Two spellings have equal probabilities; SentencePiece adds in single precision, and here and in Python's fast tokenizers another one wins.
    private static readonly string[] Ties = [new('0', 50)];

    [TestMethod]
    [DataRow("gpt2", "gpt2", "GPT2Tokenizer", "<|endoftext|>", "text<|endoftext|>text")]
    [DataRow("roberta-base", "roberta", "RobertaTokenizer", "<s> hi </s>", "a <mask> b")]
    public void Encode_VocabularyAndMerges_EqualReference(string folder, string field, string tokenizerClass, params string[] specialInText)
    {
        using var files = TokenizerFixtures.Files(
            ("vocab.json", File.ReadAllText(TokenizerFixtures.LargeFile(folder, "vocab.json"))),
            ("merges.txt", File.ReadAllText(TokenizerFixtures.LargeFile(folder, "merges.txt"))),
            ("tokenizer_config.json", $$"""{"tokenizer_class": "{{tokenizerClass}}"}"""));
        var tokenizer = TokenizerFactory.Create(files);
        var around = tokenizer.Encode("", null, 8).Ids.Length / 2;

        CheckRows(field + "_special", [], text => tokenizer.Encode(text, null, 4096).Ids[around..^around]);
        CheckRows(field, specialInText, text => tokenizer.Encode(text, null, 4096).Ids[around..^around]);
    }

    [TestMethod]
    public void Encode_RobertaTokenizerJson_EqualsReference()
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", File.ReadAllText(TokenizerFixtures.LargeFile("roberta-base", "tokenizer.json"))));
        var tokenizer = TokenizerFactory.Create(files);

        CheckRows("roberta_special", [], text => tokenizer.Encode(text, null, 4096).Ids);
        Assert.AreEqual((50265, 1), (tokenizer.VocabularySize, tokenizer.PadId));
    }

    [TestMethod]
    public void Encode_BertTokenizerJson_EqualsReference()
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", File.ReadAllText(TokenizerFixtures.LargeFile("bert-base-uncased", "tokenizer.json"))));
        var tokenizer = TokenizerFactory.Create(files);

        CheckRows("bert_uncased", [], text => tokenizer.Encode(text, null, 4096).Ids);
    }

    [TestMethod]
    public void Encode_T5Files_EqualReference()
    {
        using var files = TokenizerFixtures.Files(("spiece.model", TokenizerFixtures.Bytes("unigram", "spiece.model")));
        var tokenizer = TokenizerFactory.Create(files, "T5Tokenizer");

        CheckRows("t5layout8k_spm", SpecialInText, text => tokenizer.Encode(text, null, 4096).Ids[..^1]);
    }

    [TestMethod]
    public void Encode_T5TokenizerJson_EqualsReference()
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", File.ReadAllText(TokenizerFixtures.LargeFile("unigram-t5layout-8k", "tokenizer.json"))));
        var tokenizer = TokenizerFactory.Create(files);

        CheckRows("t5layout8k_spm", SpecialInText, text => tokenizer.Encode(text, null, 4096).Ids);
    }

    [TestMethod]
    public void Spell_T5Pieces_EqualSentencePiece() => CheckBareUnigram(TokenizerFixtures.PathOf("tokenization", "unigram", "spiece.model"), "t5layout8k_spm", []);

    [TestMethod]
    public void Spell_AlbertPieces_EqualSentencePiece() => CheckBareUnigram(TokenizerFixtures.LargeFile("albert-fixture", "spiece.model"), "albert_spm", Ties);

    /// <summary>The unigram model alone: what SentencePiece does, without the special tokens and settings of an architecture.</summary>
    private static void CheckBareUnigram(string path, string field, string[] exceptions)
    {
        using var stream = File.OpenRead(path);
        var file = new SentencePieceFile(stream, path);
        var spelled = file.Pieces.Select(piece => (piece.Kind is SentencePieceKind.Normal or SentencePieceKind.UserDefined ? piece.Piece : string.Empty, (double)piece.Score));
        var unigram = new UnigramModel([.. spelled], file.UnknownId, false, path);
        var map = new CharacterMap(file.CharacterMap, path);
        var words = new PieceModel((text, _) => MetaspacePreTokenizer.MarkWords(text), new MetaspacePreTokenizer(), unigram.Spell);

        CheckRows(field, exceptions, text =>
        {
            var ids = new List<int>();
            words.Encode(map.Apply(text), true, ids, int.MaxValue);
            return [.. ids];
        });
    }

    private static void CheckRows(string field, string[] exceptions, Func<string, int[]> encode)
    {
        var failures = new List<string>();
        var different = new List<string>();
        var rows = TokenizerFixtures.Lines("golden.jsonl").ToList();
        foreach (var row in rows)
        {
            var text = row.GetProperty("text").GetString()!;
            var (actual, expected) = (encode(text), row.Integers(field));
            if (actual.SequenceEqual(expected))
            {
                continue;
            }

            if (exceptions.Contains(text))
            {
                different.Add(text);
            }
            else
            {
                failures.Add($"{row.GetProperty("text").GetRawText()}: {string.Join(',', actual)} instead of {string.Join(',', expected)}");
            }
        }

        Assert.HasCount(RowCount, rows);
        Assert.IsEmpty(failures, $"{failures.Count} of {rows.Count}{Environment.NewLine}{string.Join(Environment.NewLine, failures)}");
        CollectionAssert.AreEquivalent(exceptions, different);
    }
}
