namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Turns text into the token ids a pretrained encoder was trained on. Implementations are thread-safe.</summary>
internal interface ITextTokenizer
{
    /// <summary>Number of ids, special tokens included.</summary>
    int VocabularySize { get; }

    /// <summary>Id that fills a batch's shorter rows.</summary>
    int PadId { get; }

    /// <summary>Most tokens of a sequence that the checkpoint's maker allows; <see langword="null"/> when not told.</summary>
    int? MaxTokens { get; }

    /// <summary>The prompt that rows are put into; <see langword="null"/> where they are read as they are.</summary>
    PromptTemplate? Prompt => null;

    /// <summary>Encodes a text or a pair with the special tokens of the encoder.</summary>
    /// <param name="text">First text; may be empty.</param>
    /// <param name="pair">Second text, or <see langword="null"/> for a single text.</param>
    /// <param name="maxLength">Most tokens, special tokens included; the longer text loses its last tokens first.</param>
    /// <returns>The encoded sequence; never longer than <paramref name="maxLength"/>.</returns>
    TokenSequence Encode(string text, string? pair, int maxLength);
}
