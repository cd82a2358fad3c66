namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>How a WordPiece tokenizer cleans text and what its special tokens are called.</summary>
internal sealed record WordPieceSettings
{
    /// <summary>Those of MPNet: BERT's vocabulary with RoBERTa's special tokens.</summary>
    public static WordPieceSettings MPNet { get; } =
        new() { ClassToken = "<s>", SeparatorToken = "</s>", PadToken = "<pad>", MaskToken = "<mask>", SeparatesTwice = true };

    /// <summary>Whether letters become small.</summary>
    /// <value>Default <see langword="true"/>.</value>
    public bool Lowercase { get; init; } = true;

    /// <summary>Whether accents are taken off.</summary>
    /// <value><see langword="null"/>, the default, means the same as <see cref="Lowercase"/>.</value>
    public bool? StripAccents { get; init; }

    /// <summary>Whether each Chinese ideograph is a word.</summary>
    /// <value>Default <see langword="true"/>.</value>
    public bool SeparateIdeographs { get; init; } = true;

    /// <summary>Token for words that the vocabulary cannot spell.</summary>
    /// <value>Default <c>[UNK]</c>.</value>
    public string UnknownToken { get; init; } = "[UNK]";

    /// <summary>Token before the first text.</summary>
    /// <value>Default <c>[CLS]</c>.</value>
    public string ClassToken { get; init; } = "[CLS]";

    /// <summary>Token after each text.</summary>
    /// <value>Default <c>[SEP]</c>.</value>
    public string SeparatorToken { get; init; } = "[SEP]";

    /// <summary>Token that fills shorter rows of a batch.</summary>
    /// <value>Default <c>[PAD]</c>.</value>
    public string PadToken { get; init; } = "[PAD]";

    /// <summary>Token for a hidden word; the vocabulary may lack it.</summary>
    /// <value>Default <c>[MASK]</c>.</value>
    public string MaskToken { get; init; } = "[MASK]";

    /// <summary>Whether two separators stand between the texts of a pair, as RoBERTa's.</summary>
    /// <value>Default <see langword="false"/>.</value>
    public bool SeparatesTwice { get; init; }

    /// <summary>Further tokens that stay whole and are recognised letter by letter in a text.</summary>
    /// <value>Default none; their ids may lie beyond the vocabulary.</value>
    public IReadOnlyCollection<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Special tokens that have no role; ids are looked up, or follow the vocabulary's.</summary>
    /// <value>Default none.</value>
    public IReadOnlyList<AddedToken> FurtherSpecialTokens { get; init; } = [];

    /// <summary>Whether the second text of a pair is marked by type ids.</summary>
    /// <value>Default <see langword="true"/>.</value>
    public bool HasTypeIds { get; init; } = true;

    /// <summary>Most tokens of a sequence.</summary>
    /// <value><see langword="null"/>, the default, means that it is not told.</value>
    public int? MaxTokens { get; init; }
}
