using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Google.Protobuf;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>Vocabularies, definitions of tokenizers, and reference ids made with them.</summary>
internal static class TokenizerFixtures
{
    private static readonly Lazy<byte[]> Vocabulary = new(() => File.ReadAllBytes(PathOf("minilm", "vocab.txt")));

    private static readonly Lazy<TextTokenizer> SharedUncased = new(() => Create(new WordPieceSettings()));

    private static readonly Lazy<SentencePieceFile> SharedUnigram = new(() =>
    {
        using var stream = File.OpenRead(PathOf("tokenization", "unigram", "spiece.model"));
        return new SentencePieceFile(stream, "the fixture");
    });

    public static TextTokenizer Uncased => SharedUncased.Value;

    public static byte[] VocabularyBytes => Vocabulary.Value;

    /// <summary>The unigram model, in T5's layout.</summary>
    public static SentencePieceFile Unigram => SharedUnigram.Value;

    public static string PathOf(params string[] names) => Path.Combine([AppContext.BaseDirectory, "Fixtures", .. names]);

    public static TextTokenizer Create(WordPieceSettings settings)
    {
        using var stream = new MemoryStream(VocabularyBytes);
        return WordPieceFormat.Create(new WordPieceVocabulary(stream, "the fixture"), "vocab.txt of the fixture", settings);
    }

    /// <summary>A checkpoint of text files.</summary>
    public static MemoryCheckpointFiles Files(params (string Name, string Text)[] files) =>
        Files([.. files.Select(file => (file.Name, Encoding.UTF8.GetBytes(file.Text)))]);

    public static MemoryCheckpointFiles Files(params (string Name, byte[] Content)[] files) =>
        new(files.ToDictionary(file => file.Name, file => file.Content), "the test folder");

    public static byte[] Bytes(params string[] names) => File.ReadAllBytes(PathOf(["tokenization", .. names]));

    public static IEnumerable<JsonElement> Lines(string name) =>
        File.ReadLines(PathOf("tokenization", name)).Select(line => JsonElement.Parse(line));

    public static int[] Integers(this JsonElement row, string name) =>
        [.. row.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    public static string Ids(this ITextTokenizer tokenizer, string text, string? pair = null, int maxLength = 512) =>
        string.Join(',', tokenizer.Encode(text, pair, maxLength).Ids);

    /// <summary>One of these texts.</summary>
    public static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(n => texts[n]);

    /// <summary>A file of the large vocabularies that are beside the repository where it is developed; the test is skipped where they are not.</summary>
    public static string LargeFile(params string[] names)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine([folder.FullName, "shared", "data", "tokenizers", .. names]);
            if (File.Exists(path))
            {
                return path;
            }
        }

        Assert.Inconclusive($"The large vocabulary shared/data/tokenizers/{string.Join('/', names)} is in no folder above the tests.");
        return string.Empty;
    }

    /// <summary>A whole tokenizer.json: a definition with its vocabulary put in.</summary>
    public static JsonObject Definition(string name)
    {
        var definition = JsonNode.Parse(Bytes("definitions.json"))![name]!.AsObject();
        var model = definition["model"]!.AsObject();
        if (name.StartsWith("bpe", StringComparison.Ordinal))
        {
            model["vocab"] = JsonNode.Parse(Bytes("bpe", "vocab.json"));
            model["merges"] = new JsonArray([.. File.ReadLines(PathOf("tokenization", "bpe", "merges.txt")).Skip(1).Select(line => (JsonNode)line)]);
            return definition;
        }

        var layout = model["vocabulary"]!.GetValue<string>();
        _ = model.Remove("vocabulary");
        model["vocab"] = new JsonArray([.. Layout(layout).Select(piece => (JsonNode)new JsonArray(piece.Piece, piece.Score))]);
        foreach (var step in definition["normalizer"]!["normalizers"]!.AsArray())
        {
            if (step!.AsObject().ContainsKey("precompiled_charsmap"))
            {
                step["precompiled_charsmap"] = Convert.ToBase64String(Unigram.CharacterMap);
            }
        }

        return definition;
    }

    /// <summary>The fixture's pieces behind the special tokens of another architecture, as a SentencePiece model file.</summary>
    public static byte[] ModelFile(params (string Piece, SentencePieceKind Kind)[] special)
    {
        var pieces = special.Select(piece => (piece.Piece, Score: 0f, piece.Kind)).Concat(Unigram.Pieces.Skip(3)).ToList();
        return ModelFile(pieces, trainer => WriteVarint(trainer, 40, pieces.FindIndex(piece => piece.Kind == SentencePieceKind.Unknown)), _ => { });
    }

    /// <summary>A SentencePiece model file of these pieces and further settings.</summary>
    public static byte[] ModelFile(
        IEnumerable<(string Piece, float Score, SentencePieceKind Kind)> pieces, Action<CodedOutputStream> trainer, Action<CodedOutputStream> normalizer)
    {
        return Message(model =>
        {
            foreach (var (piece, score, kind) in pieces)
            {
                WriteMessage(model, 1, Message(entry =>
                {
                    entry.WriteTag(1, WireFormat.WireType.LengthDelimited);
                    entry.WriteString(piece);
                    entry.WriteTag(2, WireFormat.WireType.Fixed32);
                    entry.WriteFloat(score);
                    WriteVarint(entry, 3, (int)kind);
                }));
            }

            WriteMessage(model, 2, Message(trainer));
            WriteMessage(model, 3, Message(settings =>
            {
                settings.WriteTag(2, WireFormat.WireType.LengthDelimited);
                settings.WriteBytes(ByteString.CopyFrom(Unigram.CharacterMap));
                normalizer(settings);
            }));
        });
    }

    public static void WriteVarint(CodedOutputStream output, int field, int value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt32(value);
    }

    private static IEnumerable<(string Piece, double Score)> Layout(string name)
    {
        static IEnumerable<(string, double)> Zero(params IEnumerable<string> names) => names.Select(name => (name, 0.0));
        var pieces = Unigram.Pieces.Skip(3).Select(piece => (piece.Piece, (double)piece.Score));
        return name switch
        {
            "t5" => [.. Zero("<pad>", "</s>", "<unk>"), .. pieces, .. Zero(Enumerable.Range(0, 100).Reverse().Select(n => $"<extra_id_{n}>"))],
            "xlmr" => [.. Zero("<s>", "<pad>", "</s>", "<unk>"), .. pieces, .. Zero("<mask>")],
            "albert" => [.. Zero("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"),
                .. pieces.Select(piece => piece.Piece is [.., >= '0' and <= '9', ','] ? (piece.Piece, piece.Item2 - 100) : piece)],
            "deberta" => [.. Zero("[PAD]", "[CLS]", "[SEP]", "[UNK]"), .. pieces],
            "bytes" => [.. Zero("<pad>", "</s>", "<unk>"), .. pieces, .. Enumerable.Range(0, 256).Select(n => ($"<0x{n:X2}>", -50.0))],
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            write(output);
        }

        return stream.ToArray();
    }

    private static void WriteMessage(CodedOutputStream output, int field, byte[] message)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(message));
    }
}
