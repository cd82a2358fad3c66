using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Byte-level byte-pair encoding: a word begins as its UTF-8 bytes, then the most frequent pairs are merged, in the order of training.</summary>
/// <remarks>
/// Sennrich et al., Neural machine translation of rare words with subword units, ACL 2016, over bytes. O(n log n) in the length of a word;
/// the implementation in Microsoft.ML.Tokenizers 2.0 is quadratic or worse, so that one long word without spaces would stop the program.
/// </remarks>
internal sealed class BytePairModel
{
    private readonly int[] _byteIds = new int[256];
    private readonly Dictionary<(int Left, int Right), (int Rank, int Id)> _merges;

    /// <summary>Checks and takes a vocabulary.</summary>
    /// <param name="vocabulary">Pieces in GPT-2's spelling of bytes, and their ids.</param>
    /// <param name="merges">Pairs, most frequent first.</param>
    /// <param name="description">The file with the merges, in words for error messages.</param>
    /// <exception cref="InvalidDataException">A byte has no piece, or a merge is not of the vocabulary.</exception>
    public BytePairModel(IReadOnlyDictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> merges, string description)
    {
        for (var value = 0; value < 256; value++)
        {
            var letter = Letter((byte)value).ToString();
            _byteIds[value] = vocabulary.TryGetValue(letter, out var id)
                ? id
                : throw new InvalidDataException(
                    $"{description}: the vocabulary has no piece '{letter}' for the byte {value}, so this is not byte-level BPE. "
                    + "Only byte-level BPE (RoBERTa, GPT-2, ModernBERT) is supported; choose such a model, or download the vocabulary again.");
        }

        _merges = new(merges.Count);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            if (!vocabulary.TryGetValue(left, out var leftId) || !vocabulary.TryGetValue(right, out var rightId)
                || !vocabulary.TryGetValue(left + right, out var merged))
            {
                throw new InvalidDataException(
                    $"{description}: merge {rank + 1}, '{left} {right}', is not made of pieces of the vocabulary. "
                    + "Vocabulary and merges do not belong together or are damaged; download both again.");
            }

            _merges.TryAdd((leftId, rightId), (rank, merged));
        }
    }

    /// <summary>Ids of one word.</summary>
    /// <param name="word">The word, its leading space included.</param>
    public IReadOnlyList<int> Spell(string word) => Spell(Encoding.UTF8.GetBytes(word));

    /// <summary>Ids of one word.</summary>
    /// <param name="bytes">Its bytes; none for no ids.</param>
    public IReadOnlyList<int> Spell(byte[] bytes)
    {
        var ids = Array.ConvertAll(bytes, value => _byteIds[value]);
        if (ids.Length < 2)
        {
            return ids;
        }

        // Pieces are a linked list; a piece that was merged into its left neighbour is marked by id -1.
        var previous = Enumerable.Range(-1, ids.Length).ToArray();
        var next = Enumerable.Range(1, ids.Length).ToArray();
        var queue = new PriorityQueue<int, (int Rank, int Position)>();
        for (var position = 0; position + 1 < ids.Length; position++)
        {
            Offer(position);
        }

        while (queue.TryDequeue(out var left, out var priority))
        {
            if (!TryMerge(left, out var merge) || merge.Rank != priority.Rank)
            {
                continue; // a neighbour was merged in the meantime
            }

            var right = next[left];
            ids[left] = merge.Id;
            ids[right] = -1;
            next[left] = next[right];
            if (next[left] < ids.Length)
            {
                previous[next[left]] = left;
            }

            Offer(left);
            if (previous[left] >= 0)
            {
                Offer(previous[left]);
            }
        }

        return Array.FindAll(ids, id => id >= 0);

        bool TryMerge(int left, out (int Rank, int Id) merge)
        {
            merge = default;
            return ids[left] >= 0 && next[left] < ids.Length && _merges.TryGetValue((ids[left], ids[next[left]]), out merge);
        }

        void Offer(int left)
        {
            if (TryMerge(left, out var merge))
            {
                queue.Enqueue(left, (merge.Rank, left));
            }
        }
    }

    /// <summary>The letter by which vocabularies spell a byte: the byte itself if it is printable in Latin-1, else the next letter from U+0100.</summary>
    private static char Letter(byte value)
    {
        static bool Printable(int code) => code is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return Printable(value) ? (char)value : (char)(0x100 + Enumerable.Range(0, value).Count(code => !Printable(code)));
    }
}
