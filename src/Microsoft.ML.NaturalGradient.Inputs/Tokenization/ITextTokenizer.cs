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

    /// <summary>Ids of a part of a text by itself.</summary>
    /// <param name="unit">The part; with its white space where there is some before it.</param>
    /// <returns>Ids without special tokens; none for a part that cleaning leaves nothing of.</returns>
    int[] Spell(TextUnit unit);

    /// <summary>How many special tokens stand around a text or a pair.</summary>
    /// <param name="isPair">Whether it is a pair.</param>
    int SpecialCount(bool isPair);

    /// <summary>Puts the special tokens around ids.</summary>
    /// <param name="first">Ids of the first text.</param>
    /// <param name="second">Ids of the second text; null for a single text.</param>
    PlacedTokens Join(IReadOnlyList<int> first, IReadOnlyList<int>? second);
}
