using System.Buffers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Finds special tokens that are written out in a text, letter by letter as in the vocabulary.</summary>
internal sealed class SpecialTokenSplitter
{
    private readonly SearchValues<string> _search;
    private readonly (string Token, int Id)[] _longestFirst;

    /// <summary>Takes the tokens to look for.</summary>
    /// <param name="ids">Tokens and their ids; none is empty.</param>
    public SpecialTokenSplitter(IReadOnlyDictionary<string, int> ids)
    {
        _search = SearchValues.Create([.. ids.Keys], StringComparison.Ordinal);
        _longestFirst = [.. ids.Select(pair => (pair.Key, pair.Value)).OrderByDescending(pair => pair.Key.Length)];
    }

    /// <summary>Finds the first special token; the longest when several begin there.</summary>
    /// <param name="text">Text as the user wrote it.</param>
    /// <param name="start">Where the token begins; the text's length when there is none.</param>
    /// <param name="length">Characters of the token; 0 when there is none.</param>
    /// <param name="id">Id of the token.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryFind(ReadOnlySpan<char> text, out int start, out int length, out int id)
    {
        start = text.IndexOfAny(_search);
        if (start >= 0)
        {
            foreach (var (token, tokenId) in _longestFirst)
            {
                if (text[start..].StartsWith(token, StringComparison.Ordinal))
                {
                    (length, id) = (token.Length, tokenId);
                    return true;
                }
            }
        }

        (start, length, id) = (text.Length, 0, 0);
        return false;
    }
}
