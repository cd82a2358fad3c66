namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>What a <see cref="TextTokenizer"/> is made of.</summary>
internal sealed record TextTokenizerParts
{
    /// <summary>Cleans text; unless told, it stays as it is.</summary>
    public TextCleaning Cleaning { get; init; } = TextCleaning.None;

    /// <summary>Splits cleaned text into words and spells them.</summary>
    public required PieceModel Model { get; init; }

    /// <summary>Tokens recognised in the text.</summary>
    public required IReadOnlyCollection<AddedToken> AddedTokens { get; init; }

    /// <summary>Special tokens around the texts.</summary>
    public required SequenceTemplate Template { get; init; }

    /// <summary>Number of ids.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Id that fills a batch's shorter rows.</summary>
    public required int PadId { get; init; }

    /// <summary>Most tokens that the checkpoint's maker allows; <see langword="null"/> when not told.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>What <c>tokenizer.json</c> says of it; <see langword="null"/> where that format has no such tokenizer.</summary>
    public TokenizerJsonParts? Json { get; init; }
}
