namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Encodes rows as the prompts of a text-to-text model.</summary>
/// <param name="tokenizer">The model's own tokenizer.</param>
/// <param name="template">The prompt.</param>
internal sealed class PromptTokenizer(ITextTokenizer tokenizer, PromptTemplate template) : ITextTokenizer
{
    /// <inheritdoc/>
    public PromptTemplate Prompt => template;

    /// <inheritdoc/>
    public int VocabularySize => tokenizer.VocabularySize;

    /// <inheritdoc/>
    public int PadId => tokenizer.PadId;

    /// <inheritdoc/>
    public int? MaxTokens => tokenizer.MaxTokens;

    /// <inheritdoc/>
    /// <remarks>A prompt that is too long loses its end, whichever text that is.</remarks>
    public TokenSequence Encode(string text, string? pair, int maxLength) => tokenizer.Encode(template.Fill(text, pair), null, maxLength);

    /// <inheritdoc/>
    public int[] Spell(TextUnit unit) => tokenizer.Spell(unit);

    /// <inheritdoc/>
    public int SpecialCount(bool isPair) => tokenizer.SpecialCount(isPair);

    /// <inheritdoc/>
    public PlacedTokens Join(IReadOnlyList<int> first, IReadOnlyList<int>? second) => tokenizer.Join(first, second);
}
