using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Reads <c>model</c> and <c>pre_tokenizer</c> of a <c>tokenizer.json</c>: the vocabulary, and how words are found and spelled.</summary>
internal sealed class TokenizerJsonModel
{
    private const string AddsSpace = "add_prefix_space";

    private readonly JsonComponent _model;
    private readonly JsonComponent _words;
    private readonly bool _areWordsInSequence;
    private readonly string _file;

    /// <summary>Reads the vocabulary.</summary>
    /// <param name="root">The whole file.</param>
    /// <param name="file">The file, in words for error messages.</param>
    /// <exception cref="InvalidDataException">The kind of model is not supported, or is not with these words.</exception>
    public TokenizerJsonModel(JsonComponent root, string file)
    {
        _file = file;
        _model = new JsonComponent(root.Require("model"), $"model in {file}");
        Type = TypeOf(_model);
        var words = root.Find("pre_tokenizer") is { } value
            ? new JsonComponent(value, $"pre_tokenizer in {file}")
            : throw _model.Unsupported($"of type '{Type}' has no pre_tokenizer", SupportedWords(Type));
        _areWordsInSequence = words.Type == "Sequence";
        _words = Single(words);
        Vocabulary = Type == "Unigram" ? PieceIds() : BytePairFiles.Vocabulary(_model.Require("vocab"), file);
    }

    /// <summary>WordPiece, BPE or Unigram.</summary>
    public string Type { get; }

    /// <summary>Pieces and their ids.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Spelling of pieces that the model needs as special tokens.</summary>
    public string? UnknownToken => Type == "WordPiece" ? _model.Text("unk_token") ?? "[UNK]" : null;

    /// <summary>Builds the model.</summary>
    /// <param name="configuration">Settings that go before those of the file, as in Python.</param>
    /// <exception cref="InvalidDataException">A setting is not supported, or the vocabulary is damaged.</exception>
    public PieceModel Build(TokenizerConfiguration configuration)
    {
        var built = Type switch
        {
            "WordPiece" => WordPiece(),
            "BPE" => BytePair(configuration),
            _ => Unigram(),
        };
        _words.RefuseOthers();
        _model.RefuseOthers();
        return built;
    }

    // Older files do not name the type.
    private static string TypeOf(JsonComponent model)
    {
        var type = model.Type;
        if (type.Length == 0)
        {
            type = model.Find("merges") is not null ? "BPE"
                : model.Find("vocab") is { ValueKind: JsonValueKind.Array } ? "Unigram"
                : model.Find("max_input_chars_per_word") is not null ? "WordPiece" : "WordLevel";
        }

        return type is "WordPiece" or "BPE" or "Unigram" ? type : throw model.Unsupported($"is of type '{type}'", "WordPiece, byte-level BPE, Unigram");
    }

    private static string SupportedWords(string type) => type switch
    {
        "WordPiece" => "WordPiece with BertPreTokenizer",
        "BPE" => "BPE with ByteLevel and GPT-2's expression (use_regex)",
        _ => "Unigram with Metaspace, or with WhitespaceSplit and Metaspace",
    };

    /// <summary>The only component of a sequence of one.</summary>
    private static JsonComponent Single(JsonComponent words)
    {
        if (words.Type != "Sequence")
        {
            return words;
        }

        var parts = words.Components("pretokenizers", "component").ToArray();
        return parts.Length == 1 ? parts[0] : words;
    }

    private PieceModel WordPiece()
    {
        RequireWords("BertPreTokenizer");
        _model.Only("continuing_subword_prefix", "\"##\"");
        return WordPieceModel.Create(new WordPieceVocabulary(Vocabulary), UnknownToken!, _model.Integer("max_input_chars_per_word") ?? 100);
    }

    private PieceModel BytePair(TokenizerConfiguration configuration)
    {
        RequireWords("ByteLevel");
        _words.Ignore("trim_offsets").Only("use_regex", "true");
        var (said, own) = (configuration.Flag(AddsSpace), _words.Flag(AddsSpace) ?? true);
        var addsSpace = _areWordsInSequence ? own : said ?? own; // as in Python, whose settings do not reach into sequences

        // Bytes all have pieces, so that nothing is unknown.
        _model.Ignore("unk_token", "fuse_unk")
            .Only("dropout", "0", "0.0").Only("continuing_subword_prefix", "\"\"").Only("end_of_word_suffix", "\"\"")
            .Only("byte_fallback", "false").Only("ignore_merges", "false");
        return BytePairFormat.CreateModel(new BytePairModel(Vocabulary, BytePairFiles.Merges(_model.Require("merges"), _file), _file), addsSpace);
    }

    private PieceModel Unigram()
    {
        var splitsWords = _words.Type == "Sequence";
        var marks = _words;
        if (splitsWords)
        {
            var parts = _words.Components("pretokenizers", "component").ToArray();
            marks = parts is [{ Type: "WhitespaceSplit" }, { Type: "Metaspace" }] ? parts[1] : throw WrongWords(string.Join(", ", parts.Select(part => part.Type)));
            parts[0].RefuseOthers();
        }
        else
        {
            RequireWords("Metaspace");
        }

        marks.Only("replacement", "\"\u2581\"", "\"\\u2581\"").Ignore("str_rep").Only("split", "true");
        var scheme = marks.Text("prepend_scheme") ?? (marks.Flag(AddsSpace) ?? true ? "always" : "never");
        marks.Ignore(AddsSpace).RefuseOthers();
        if (scheme is not ("always" or "first" or "never") || (splitsWords && scheme != "always"))
        {
            throw marks.Unsupported($"has the prepend_scheme '{scheme}'", splitsWords ? "always" : "always, first, never");
        }

        var pieces = _model.Items("vocab").Select(Piece).ToArray();
        var unknownId = _model.Integer("unk_id") ?? throw _model.Unsupported("has no \"unk_id\"", "a vocabulary with an unknown token");
        var model = new UnigramModel(pieces, unknownId, _model.Flag("byte_fallback") ?? false, _file);
        Func<string, bool, string> prepare = splitsWords
            ? (text, _) => MetaspacePreTokenizer.MarkWords(text)
            : (text, isStart) => MetaspacePreTokenizer.Mark(text, scheme == "always" || (scheme == "first" && isStart));
        return new PieceModel(prepare, new MetaspacePreTokenizer(), model.Spell);
    }

    private Dictionary<string, int> PieceIds()
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var next = 0;
        foreach (var entry in _model.Items("vocab"))
        {
            ids[Piece(entry).Piece] = next++;
        }

        return ids;
    }

    private (string Piece, double Score) Piece(JsonElement entry) =>
        entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2
        && entry[0].ValueKind == JsonValueKind.String && entry[1].ValueKind == JsonValueKind.Number
            ? (entry[0].GetString()!, entry[1].GetDouble())
            : throw _model.Damaged($"has {entry.GetRawText()} in its vocabulary, which is not a piece with a score");

    private void RequireWords(string type)
    {
        if (_words.Type != type)
        {
            throw WrongWords(_words.Type);
        }
    }

    private InvalidDataException WrongWords(string types) => _words.Unsupported($"is of type '{types}' for a model of type '{Type}'", SupportedWords(Type));
}
