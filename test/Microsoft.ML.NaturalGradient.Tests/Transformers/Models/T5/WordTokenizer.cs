using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

/// <summary>Words of a small vocabulary, separated by spaces, with T5's end token; other words are unknown (2).</summary>
internal sealed class WordTokenizer(params string[] words) : ITextTokenizer
{
    private const int FirstWord = 5;

    public int VocabularySize => 50;

    public int PadId => 0;

    public int? MaxTokens => null;

    public TokenSequence Encode(string text, string? pair, int maxLength)
    {
        var known = text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Id).ToArray();
        return known.Length < maxLength
            ? new TokenSequence([.. known, 1], null, false)
            : new TokenSequence([.. known[..(maxLength - 1)], 1], null, true);
    }

    public int[] Spell(TextUnit unit) => [Id(unit.Text)];

    public int SpecialCount(bool isPair) => 1;

    public PlacedTokens Join(IReadOnlyList<int> first, IReadOnlyList<int>? second) =>
        new(new TokenSequence([.. first, .. second ?? [], 1], null, false), 0, first.Count);

    private int Id(string word) => Array.IndexOf(words, word) is >= 0 and var index ? FirstWord + index : 2;
}
