using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The pieces of a <c>vocab.txt</c> file; a piece's id is its line number, from 0.</summary>
internal sealed class WordPieceVocabulary
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly string _description;

    /// <summary>Reads all lines; a piece that appears twice has the later id.</summary>
    /// <param name="stream">UTF-8 text; not closed.</param>
    /// <param name="description">Where the text is from, in words for error messages.</param>
    /// <exception cref="InvalidDataException">There are no pieces.</exception>
    public WordPieceVocabulary(Stream stream, string description)
    {
        _description = description;
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        for (var id = 0; reader.ReadLine() is { } piece; id++)
        {
            if (piece.Length > 0)
            {
                _ids[piece] = id;
                Size = id + 1;
            }
        }

        if (_ids.Count == 0)
        {
            throw new InvalidDataException($"vocab.txt of {description} is empty. It should hold one word piece per line.");
        }
    }

    /// <summary>The highest id plus one.</summary>
    public int Size { get; }

    /// <summary>Id of a piece that may be missing.</summary>
    /// <param name="piece">The piece, exactly as in the file.</param>
    /// <param name="id">Its id.</param>
    /// <returns>Whether the vocabulary has it.</returns>
    public bool TryFind(string piece, out int id) => _ids.TryGetValue(piece, out id);

    /// <summary>Id of a special token that must be there.</summary>
    /// <param name="token">The token, exactly as in the file.</param>
    /// <param name="purpose">What the token is for, as its key in <c>tokenizer_config.json</c>.</param>
    /// <returns>Its id.</returns>
    /// <exception cref="InvalidDataException">The vocabulary lacks it.</exception>
    public int Find(string token, string purpose) => _ids.TryGetValue(token, out var id)
        ? id
        : throw new InvalidDataException(
            $"vocab.txt of {_description} has no line '{token}', which the tokenizer needs as its {purpose}. "
            + $"Use the vocab.txt that belongs to the model, or name the right token under \"{purpose}\" in tokenizer_config.json.");

    /// <summary>Writes the pieces back, one line per id, so that each piece appears once.</summary>
    /// <returns>UTF-8 text at its start; the caller disposes it.</returns>
    public MemoryStream ToStream()
    {
        var lines = new string[Size];
        foreach (var (piece, id) in _ids)
        {
            lines[id] = piece;
        }

        return new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', lines)));
    }
}
