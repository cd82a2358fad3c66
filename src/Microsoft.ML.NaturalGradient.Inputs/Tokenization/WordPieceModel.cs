namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Spells words with BERT's word pieces: the longest piece from the left, again and again.</summary>
/// <remarks>
/// Devlin et al., BERT, NAACL 2019, and its code: a word that cannot be spelled to its end is one unknown token, and so is a word of too many
/// characters (code points). O(n·m) look-ups for a word of n and a longest piece of m UTF-16 units. Microsoft.ML.Tokenizers' own class counts
/// UTF-16 units and takes stack space in proportion to the longest word that it is to spell.
/// </remarks>
internal sealed class WordPieceModel
{
    /// <summary>Most characters of a word that is spelled.</summary>
    public const int LongestWord = 100;

    private const string Continuation = "##";

    private readonly Pieces _first;
    private readonly Pieces _next;
    private readonly int[] _unknown;
    private readonly int _longestWord;

    private WordPieceModel(IReadOnlyDictionary<string, int> ids, int unknownId, int longestWord)
    {
        _first = new Pieces(ids, string.Empty);
        _next = new Pieces(ids, Continuation);
        _unknown = [unknownId];
        _longestWord = longestWord;
    }

    /// <summary>Builds the model of a vocabulary.</summary>
    /// <param name="vocabulary">The pieces; those inside a word begin with <c>##</c>.</param>
    /// <param name="unknownToken">Piece for words that cannot be spelled.</param>
    /// <param name="longestWord">Most characters (code points) of a word that is spelled; longer ones are unknown.</param>
    /// <exception cref="InvalidDataException">The vocabulary has no such piece, or one that is too long.</exception>
    public static PieceModel Create(WordPieceVocabulary vocabulary, string unknownToken, int longestWord = LongestWord)
    {
        if (!vocabulary.Ids.TryGetValue(unknownToken, out var unknownId))
        {
            throw new InvalidDataException(
                $"The vocabulary has no piece '{unknownToken}' for words that it cannot spell. Download the files again, or name the right piece as \"unk_token\".");
        }

        return new PieceModel(null, new BertPreTokenizer(), new WordPieceModel(vocabulary.Ids, unknownId, longestWord).Spell);
    }

    private IReadOnlyList<int> Spell(string word)
    {
        if (word.Length > _longestWord && CodePoints(word) > _longestWord)
        {
            return _unknown;
        }

        var ids = new List<int>();
        for (var rest = word.AsSpan(); rest.Length > 0;)
        {
            if (!(ids.Count == 0 ? _first : _next).TryFindLongest(rest, out var length, out var id))
            {
                return _unknown;
            }

            ids.Add(id);
            rest = rest[length..];
        }

        return ids;
    }

    private static int CodePoints(string word)
    {
        var count = 0;
        foreach (var _ in word.EnumerateRunes())
        {
            count++;
        }

        return count;
    }

    private sealed class Pieces
    {
        private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
        private readonly int _longest;

        public Pieces(IReadOnlyDictionary<string, int> ids, string prefix)
        {
            var pieces = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var (piece, id) in ids)
            {
                PieceModel.CheckLength(piece, "The vocabulary");
                if (piece.Length > prefix.Length && piece.StartsWith(prefix, StringComparison.Ordinal))
                {
                    pieces.Add(piece[prefix.Length..], id);
                    _longest = Math.Max(_longest, piece.Length - prefix.Length);
                }
            }

            _lookup = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        }

        // Pieces are whole characters, so that none is found in the middle of a surrogate pair.
        public bool TryFindLongest(ReadOnlySpan<char> text, out int length, out int id)
        {
            for (length = Math.Min(_longest, text.Length); length > 0; length--)
            {
                if (_lookup.TryGetValue(text[..length], out id))
                {
                    return true;
                }
            }

            id = 0;
            return false;
        }
    }
}
