using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The unigram language model of SentencePiece: the spelling of a word whose pieces have the highest summed log-probability.</summary>
/// <remarks>
/// Kudo, Subword regularization, ACL 2018, section 3.2, by the Viterbi algorithm: O(n·m) for a word of n and a longest piece of m characters.
/// A character that no piece spells costs 10 more than the least probable piece; neighbouring unknown characters are one unknown token. The
/// first of equally good spellings from the left wins, in double precision: SentencePiece itself adds in single precision, so that nearly equal
/// spellings may come out otherwise. Microsoft.ML.Tokenizers' own class throws for models without a beginning token, such as T5 and ALBERT, and
/// does not fuse unknowns.
/// </remarks>
internal sealed class UnigramModel
{
    private const double UnknownPenalty = 10;

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly double[] _scores;
    private readonly int[]? _byteIds;
    private readonly int _unknownId;
    private readonly double _unknownScore;
    private readonly int _longest;

    /// <summary>Checks and takes a vocabulary.</summary>
    /// <param name="pieces">Pieces and their log-probabilities, by id.</param>
    /// <param name="unknownId">Id of the unknown token.</param>
    /// <param name="spellBytes">Whether unknown characters are spelled by the pieces <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>.</param>
    /// <param name="description">Where the pieces are from, in words for error messages.</param>
    /// <exception cref="InvalidDataException">A piece has no score or is too long, or one that is needed is missing.</exception>
    public UnigramModel(IReadOnlyList<(string Piece, double Score)> pieces, int unknownId, bool spellBytes, string description)
    {
        if (unknownId < 0 || unknownId >= pieces.Count)
        {
            throw new InvalidDataException(
                $"{description}: the id {unknownId} of the unknown token is not one of its {pieces.Count} pieces. Download the file again.");
        }

        _unknownId = unknownId;
        _scores = new double[pieces.Count];
        for (var id = 0; id < pieces.Count; id++)
        {
            var (piece, score) = pieces[id];
            _scores[id] = double.IsFinite(score)
                ? score
                : throw new InvalidDataException(
                    $"{description}: piece {id}, '{piece}', has the score {score.ToString(CultureInfo.InvariantCulture)}. Download the file again.");
            PieceModel.CheckLength(piece, description);
            _ids[piece] = id; // of a piece that appears twice the later one counts, as in the reference
            _longest = Math.Max(_longest, piece.Length);
        }

        _unknownScore = _scores.Min() - UnknownPenalty;
        _byteIds = spellBytes ? BytePieces(description) : null;
        _ = _ids.Remove(string.Empty);
        _lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Ids of one word.</summary>
    /// <param name="word">The word, with the mark of its beginning.</param>
    public IReadOnlyList<int> Spell(string word)
    {
        var best = new (double Score, int Start, int Id)[word.Length + 1]; // by where the spelling ends
        best.AsSpan(1).Fill((0, -1, 0));
        for (var start = 0; start < word.Length;)
        {
            _ = Rune.DecodeFromUtf16(word.AsSpan(start), out _, out var character);
            var score = best[start].Score;
            var known = false;
            var longest = Math.Min(_longest, word.Length - start);
            for (var length = 1; length <= longest; length++)
            {
                if (_lookup.TryGetValue(word.AsSpan(start, length), out var id))
                {
                    Offer(start, length, id, score + _scores[id]);
                    known |= length == character;
                }
            }

            if (!known)
            {
                Offer(start, character, _unknownId, score + _unknownScore);
            }

            start += character;
        }

        return Collect(word, best);

        void Offer(int start, int length, int id, double score)
        {
            ref var end = ref best[start + length];
            if (end.Start < 0 || score > end.Score)
            {
                end = (score, start, id);
            }
        }
    }

    private List<int> Collect(string word, (double Score, int Start, int Id)[] best)
    {
        var ids = new List<int>(); // from the end
        for (var end = word.Length; end > 0;)
        {
            var (_, start, id) = best[end];
            if (id == _unknownId)
            {
                while (start > 0 && best[start].Id == _unknownId)
                {
                    start = best[start].Start;
                }

                AddUnknown(word.AsSpan(start, end - start), ids);
            }
            else
            {
                ids.Add(id);
            }

            end = start;
        }

        ids.Reverse();
        return ids;
    }

    private void AddUnknown(ReadOnlySpan<char> text, List<int> ids)
    {
        if (_byteIds is null)
        {
            ids.Add(_unknownId);
            return;
        }

        var bytes = Encoding.UTF8.GetBytes(text.ToArray());
        Array.Reverse(bytes);
        ids.AddRange(bytes.Select(value => _byteIds[value]));
    }

    private int[] BytePieces(string description) =>
    [
        .. Enumerable.Range(0, 256).Select(value => _ids.TryGetValue($"<0x{value:X2}>", out var id)
            ? id
            : throw new InvalidDataException(
                $"{description} asks to spell unknown characters by bytes, but has no piece '<0x{value:X2}>'. Download the file again.")),
    ];
}
