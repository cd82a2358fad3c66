using System.Text.Json.Nodes;
using static Microsoft.ML.NaturalGradient.Tokenization.TokenizerJsonWriter;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Puts together a tokenizer of a SentencePiece model: what is the same for every architecture.</summary>
internal sealed class SentencePieceBuilder
{
    private readonly SentencePieceFile _model;
    private readonly TokenizerConfiguration _configuration;
    private readonly IReadOnlyList<(string Piece, double Score)> _pieces;
    private readonly int _unknownId;

    /// <summary>Begins with the tokens that the files list.</summary>
    /// <param name="model">The model file.</param>
    /// <param name="pieces">Pieces with their scores, by the ids that the encoder knows.</param>
    /// <param name="unknownId">Id of the unknown token among them.</param>
    /// <param name="configuration">Settings.</param>
    /// <param name="description">The model file, in words for error messages.</param>
    public SentencePieceBuilder(
        SentencePieceFile model,
        IReadOnlyList<(string Piece, double Score)> pieces,
        int unknownId,
        TokenizerConfiguration configuration,
        string description)
    {
        _configuration = configuration;
        _pieces = pieces;
        _unknownId = unknownId;
        _model = model;
        Description = description;
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < pieces.Count; id++)
        {
            ids[pieces[id].Piece] = id;
        }

        Tokens = new AddedTokenTable(ids, description);
        Tokens.Extend(configuration.AddedTokens);
    }

    /// <summary>The model file, in words for error messages.</summary>
    public string Description { get; }

    /// <summary>Tokens recognised in the text.</summary>
    public AddedTokenTable Tokens { get; }

    /// <summary>Adds a special token that must be there.</summary>
    /// <param name="role">Its key in <c>tokenizer_config.json</c>.</param>
    /// <param name="spelling">Its spelling unless the configuration has another.</param>
    /// <returns>Its id.</returns>
    public int Special(string role, string spelling) => Tokens.Add(_configuration.SpecialToken(role) ?? new AddedToken(spelling), role);

    /// <summary>Adds the mask token.</summary>
    /// <param name="spelling">Its spelling unless the configuration has another.</param>
    /// <param name="takesSpace">Whether it takes the space before it.</param>
    /// <param name="append">Whether it is added after all others if the vocabulary lacks it.</param>
    public void Mask(string spelling, bool takesSpace, bool append = false)
    {
        var token = new AddedToken(_configuration.SpecialToken("mask_token")?.Content ?? spelling) { TakesSpaceBefore = takesSpace };
        if (!Tokens.TryAdd(token) && append)
        {
            Tokens.Append(token);
        }
    }

    /// <summary>Builds the tokenizer.</summary>
    /// <param name="cleaning">Steps of text cleaning.</param>
    /// <param name="template">Special tokens around texts.</param>
    /// <param name="padId">Id that fills shorter rows.</param>
    public TextTokenizer Build(IReadOnlyList<CleaningStep> cleaning, SequenceTemplate template, int padId)
    {
        foreach (var (piece, _, kind) in _model.Pieces)
        {
            if (kind == SentencePieceKind.Control)
            {
                _ = Tokens.TryAdd(new AddedToken(piece)); // special tokens are there already, with their flags
            }
        }

        Tokens.AddOrAppend(_configuration.FurtherSpecialTokens);
        var adds = _configuration.Flag("add_prefix_space") ?? true;
        var onlyFirst = !(_configuration.Flag("legacy") ?? true); // T5: only the beginning of the text, not what follows a special token
        var model = new UnigramModel(_pieces, _unknownId, spellBytes: false, Description);
        return new TextTokenizer(new TextTokenizerParts
        {
            Cleaning = TextCleaning.Chain([.. cleaning.Select(step => step.Cleaning)]) with { WorksInParts = false }, // maps and trims
            Model = new PieceModel(
                (text, isStart) => MetaspacePreTokenizer.Mark(text, adds && (isStart || !onlyFirst)), new MetaspacePreTokenizer(), model.Spell),
            AddedTokens = Tokens.Tokens,
            Template = _configuration.HasTypeIds ? template : template.WithoutTypeIds(),
            VocabularySize = Tokens.Size,
            PadId = padId,
            MaxTokens = _configuration.MaxTokens,
            Json = new TokenizerJsonParts(
                Component("Sequence", ("normalizers", new JsonArray([.. cleaning.Select(step => step.Json)]))),
                Component("Metaspace", ("replacement", MetaspacePreTokenizer.Space.ToString()), ("prepend_scheme", !adds ? "never" : onlyFirst ? "first" : "always"), ("split", true)),
                () => Component(
                    "Unigram", ("unk_id", _unknownId), ("vocab", new JsonArray([.. _pieces.Select(entry => new JsonArray(entry.Piece, entry.Score))])), ("byte_fallback", false))),
        });
    }
}
