using System.Globalization;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The ids of ML.NET's own models: the place of a GPT-2 piece in <c>dict.txt</c>, which lists the most frequent first.</summary>
/// <remarks>
/// The first four places are those of special tokens. ML.NET takes the GPT-2 ids 0 to 4 (the pieces ! " # $ %) for places already, so that they are
/// read as special tokens; a network that was trained with that needs it.
/// </remarks>
internal sealed class OccurrenceRanks
{
    /// <summary>What stands before a text.</summary>
    public const int BeginId = 0;

    /// <summary>What fills shorter rows.</summary>
    public const int PadId = 1;

    /// <summary>What ends a text.</summary>
    public const int SeparatorId = 2;

    private const int UnknownId = 3;
    private const int LastKept = 4; // the greatest id that is taken for a place

    private readonly Dictionary<int, int> _placeOf = [];

    private OccurrenceRanks()
    {
    }

    /// <summary>Number of ids.</summary>
    public int Count { get; private set; }

    /// <summary>Reads the list.</summary>
    /// <param name="files">The checkpoint.</param>
    /// <param name="name">Name of the file: on each line a piece's GPT-2 id, or the name of a token that is none, and how often it occurs.</param>
    /// <exception cref="InvalidDataException">A line is neither; the message names it.</exception>
    public static OccurrenceRanks Read(CheckpointFiles files, string name)
    {
        using var reader = new StreamReader(files.Open(name));
        var ranks = new OccurrenceRanks();
        var named = new HashSet<string>(["<s>", "<pad>", "</s>", "<unk>"], StringComparer.Ordinal);
        var place = named.Count;
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (line.Trim().Split(' ') is not [var entry, var count] || !int.TryParse(count, NumberStyles.Integer, CultureInfo.InvariantCulture, out _))
            {
                throw new InvalidDataException(
                    $"Line {number} of {name} of {files.Description}, '{(line.Length > 40 ? line[..40] + "..." : line)}', is not a piece and a number with a space between them. Get the file again.");
            }

            var isNew = int.TryParse(entry, NumberStyles.Integer, CultureInfo.InvariantCulture, out var id) ? ranks._placeOf.TryAdd(id, place) : named.Add(entry);
            place += isNew ? 1 : 0;
        }

        ranks.Count = named.Add("<mask>") ? place + 1 : place;
        return ranks;
    }

    /// <summary>The id that the network knows a piece by.</summary>
    /// <param name="piece">The piece's GPT-2 id.</param>
    public int Of(int piece) => piece <= LastKept ? piece : _placeOf.GetValueOrDefault(piece, UnknownId);
}
