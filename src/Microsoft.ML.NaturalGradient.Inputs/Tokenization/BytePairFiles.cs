using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Reads vocabularies and merges of byte-pair encodings, with errors that name the file and the place.</summary>
internal static class BytePairFiles
{
    private const int MostIds = 100_000_000; // far more than any vocabulary has

    /// <summary>A JSON object of pieces and their ids.</summary>
    /// <param name="value">The object.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <exception cref="InvalidDataException">It is no such object, or two pieces have one id.</exception>
    public static Dictionary<string, int> Vocabulary(JsonElement value, string description)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"The vocabulary in {description} is not a JSON object of pieces and ids. Download the file again.");
        }

        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in value.EnumerateObject())
        {
            ids[entry.Name] = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out var id) && id is >= 0 and < MostIds
                ? id
                : throw new InvalidDataException(
                    $"The piece '{entry.Name}' in {description} has the id {entry.Value.GetRawText()}, which is not a whole number from 0. Download the file again.");
        }

        return ids.Count > 0 ? ids : throw new InvalidDataException($"The vocabulary in {description} is empty. Download the file again.");
    }

    /// <summary>A file that is a vocabulary.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static Dictionary<string, int> Vocabulary(CheckpointFiles files, string name)
    {
        var description = $"{name} of {files.Description}";
        using var document = JsonText.Parse(files, name, description);
        return Vocabulary(document.RootElement, description);
    }

    /// <summary>Checks that every id belongs to exactly one token.</summary>
    /// <param name="vocabulary">Pieces and ids.</param>
    /// <param name="added">Tokens beside them.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <exception cref="InvalidDataException">An id is used twice, or is missing below a higher one.</exception>
    public static void CheckIds(IReadOnlyDictionary<string, int> vocabulary, IEnumerable<AddedToken> added, string description)
    {
        var seen = new HashSet<int>();
        foreach (var (piece, id) in vocabulary)
        {
            if (!seen.Add(id))
            {
                throw new InvalidDataException($"The id {id} in {description} belongs to '{piece}' and to another piece. Download the file again.");
            }
        }

        seen.UnionWith(added.Select(token => token.Id));
        var missing = Enumerable.Range(0, seen.Count).FirstOrDefault(id => !seen.Contains(id), -1);
        if (missing >= 0)
        {
            throw new InvalidDataException(
                $"No piece in {description} has the id {missing}, although there are higher ones. The file is incomplete; download it and the files beside it again.");
        }
    }

    /// <summary>The lines of <c>merges.txt</c>.</summary>
    /// <exception cref="InvalidDataException">A line is not a pair.</exception>
    public static List<(string Left, string Right)> Merges(CheckpointFiles files, string name)
    {
        using var reader = new StreamReader(files.Open(name));
        var merges = new List<(string, string)>();
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (line.Length > 0 && !(number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                merges.Add(Merge(line) ?? throw new InvalidDataException(
                    $"Line {number} of {name} of {files.Description}, '{line}', is not two pieces with a space between them. Download the file again."));
            }
        }

        return merges;
    }

    /// <summary>The merges in a <c>tokenizer.json</c>: texts with a space, or arrays of two.</summary>
    /// <exception cref="InvalidDataException">An element is not a pair.</exception>
    public static List<(string Left, string Right)> Merges(JsonElement value, string description)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"The merges in {description} are not an array. Download the file again.");
        }

        return [.. value.EnumerateArray().Select((element, n) => Merge(element) ?? throw new InvalidDataException(
            $"Merge {n + 1} in {description}, {element.GetRawText()}, is not a pair of pieces. Download the file again."))];
    }

    private static (string Left, string Right)? Merge(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => Merge(element.GetString()!),
        JsonValueKind.Array when element.GetArrayLength() == 2 && element.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String)
            => (element[0].GetString()!, element[1].GetString()!),
        _ => null,
    };

    private static (string Left, string Right)? Merge(string line)
    {
        var parts = line.Split(' ');
        return parts is [{ Length: > 0 } left, { Length: > 0 } right] ? (left, right) : null;
    }
}
