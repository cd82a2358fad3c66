using System.Buffers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Finds added tokens that are written out in a text, letter by letter as in the vocabulary.</summary>
internal sealed class AddedTokenSplitter
{
    private readonly SearchValues<string> _search;
    private readonly AddedToken[] _longestFirst;

    /// <summary>Takes the tokens to look for.</summary>
    /// <param name="tokens">The tokens; none is empty.</param>
    public AddedTokenSplitter(IEnumerable<AddedToken> tokens)
    {
        _longestFirst = [.. tokens.OrderByDescending(token => token.Content.Length)];
        _search = SearchValues.Create([.. _longestFirst.Select(token => token.Content)], StringComparison.Ordinal);
    }

    /// <summary>Finds the first added token; the longest when several begin there.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">Where the token begins, white space that it takes included; the text's length when there is none.</param>
    /// <param name="end">Where the text goes on after it; the text's length when there is none.</param>
    /// <param name="id">Id of the token.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryFind(ReadOnlySpan<char> text, out int start, out int end, out int id)
    {
        start = text.IndexOfAny(_search);
        if (start >= 0)
        {
            foreach (var token in _longestFirst)
            {
                if (text[start..].StartsWith(token.Content, StringComparison.Ordinal))
                {
                    end = start + token.Content.Length;
                    id = token.Id;
                    Widen(text, token, ref start, ref end);
                    return true;
                }
            }
        }

        (start, end, id) = (text.Length, text.Length, 0);
        return false;
    }

    private static void Widen(ReadOnlySpan<char> text, AddedToken token, ref int start, ref int end)
    {
        if (token.TakesSpaceBefore)
        {
            start = text[..start].TrimEnd().Length;
        }

        if (token.TakesSpaceAfter)
        {
            end = text.Length - text[end..].TrimStart().Length;
        }
    }
}
