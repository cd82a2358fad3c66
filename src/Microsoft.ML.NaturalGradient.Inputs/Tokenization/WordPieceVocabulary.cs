using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The pieces of a <c>vocab.txt</c> file; a piece's id is its line number, from 0.</summary>
internal sealed class WordPieceVocabulary
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    /// <summary>Reads all lines; a piece that appears twice has the later id.</summary>
    /// <param name="stream">UTF-8 text; not closed.</param>
    /// <param name="description">Where the text is from, in words for error messages.</param>
    /// <exception cref="InvalidDataException">There are no pieces.</exception>
    public WordPieceVocabulary(Stream stream, string description)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        for (var id = 0; reader.ReadLine() is { } piece; id++)
        {
            if (piece.Length > 0)
            {
                _ids[piece] = id;
            }
        }

        if (_ids.Count == 0)
        {
            throw new InvalidDataException($"vocab.txt of {description} is empty. It should hold one word piece per line.");
        }
    }

    /// <summary>Takes pieces that were read elsewhere.</summary>
    /// <param name="ids">Pieces and their ids, none negative; at least one.</param>
    public WordPieceVocabulary(IEnumerable<KeyValuePair<string, int>> ids)
    {
        foreach (var (piece, id) in ids)
        {
            _ids[piece] = id;
        }
    }

    /// <summary>Pieces and their ids.</summary>
    public IReadOnlyDictionary<string, int> Ids => _ids;
}
