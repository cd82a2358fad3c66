using System.Collections.Concurrent;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Splits cleaned text into words and spells each with pieces of the vocabulary; remembers how short words are spelled.</summary>
internal sealed class PieceModel
{
    // A vocabulary of this size holds nearly all words of a corpus; words beyond it are spelled anew each time.
    private const int MostRemembered = 100_000;
    private const int LongestRemembered = 32;
    private const int LongestPiece = 512; // far more than any vocabulary has

    private readonly Func<string, bool, string>? _prepare;
    private readonly PreTokenizer _words;
    private readonly Func<string, IReadOnlyList<int>> _spell;
    private readonly ConcurrentDictionary<string, int[]> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private int _knownCount;

    /// <summary>Puts the steps together.</summary>
    /// <param name="prepare">Marks where words begin, given the text and whether it is the beginning of the user's; may be <see langword="null"/>.</param>
    /// <param name="words">Finds the words.</param>
    /// <param name="spell">Ids of one word; thread-safe.</param>
    public PieceModel(Func<string, bool, string>? prepare, PreTokenizer words, Func<string, IReadOnlyList<int>> spell)
    {
        _prepare = prepare;
        _words = words;
        _spell = spell;
        _lookup = _known.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Refuses a piece that would make spelling take very long: pieces of every length up to the longest are looked for at each letter.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="description">The vocabulary, in words that begin the message.</param>
    /// <exception cref="InvalidDataException">It is too long.</exception>
    public static void CheckLength(string piece, string description)
    {
        if (piece.Length > LongestPiece)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"{description} has a piece of {piece.Length} letters, '{piece[..20]}...'; no vocabulary has more than {LongestPiece}. Get the model from a source that you trust."));
        }
    }

    /// <summary>Appends the ids of a text; may stop once there are more than the limit.</summary>
    /// <param name="text">Cleaned text; not empty.</param>
    /// <param name="isStart">Whether the user's text begins with it.</param>
    /// <param name="ids">Receives the ids.</param>
    /// <param name="limit">How many ids are wanted at most.</param>
    public void Encode(string text, bool isStart, List<int> ids, int limit)
    {
        text = _prepare?.Invoke(text, isStart) ?? text;
        foreach (var (offset, length) in _words.PreTokenize(text))
        {
            ids.AddRange(Spell(text.AsSpan(offset, length)));
            if (ids.Count > limit)
            {
                return;
            }
        }
    }

    private IReadOnlyList<int> Spell(ReadOnlySpan<char> word)
    {
        if (word.Length > LongestRemembered)
        {
            return _spell(word.ToString());
        }

        if (_lookup.TryGetValue(word, out var known))
        {
            return known;
        }

        var text = word.ToString();
        int[] ids = [.. _spell(text)];
        if (Volatile.Read(ref _knownCount) < MostRemembered && _known.TryAdd(text, ids))
        {
            Interlocked.Increment(ref _knownCount);
        }

        return ids;
    }
}
