using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The file <c>model.safetensors.index.json</c>, which says which of several files holds which tensor.</summary>
/// <remarks>Believed only so far: every file it names must lie beside it. That the files hold the tensors is checked where they are opened.</remarks>
internal sealed class SafetensorsIndex
{
    /// <summary>Name of the file.</summary>
    public const string FileName = CheckpointFiles.WeightsName + ".index.json";

    private const string MapName = "weight_map";

    private SafetensorsIndex(IReadOnlyDictionary<string, string> fileOf)
    {
        FileOf = fileOf;
        Files = [.. fileOf.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>File of each tensor, by the tensor's name.</summary>
    public IReadOnlyDictionary<string, string> FileOf { get; }

    /// <summary>All files, sorted by name.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>Reads an index.</summary>
    /// <param name="json">The file's content.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <returns>The index; it names at least one tensor.</returns>
    /// <exception cref="InvalidDataException">It is malformed, or names a file that does not lie beside it.</exception>
    public static SafetensorsIndex Read(ReadOnlyMemory<byte> json, string description)
    {
        using var document = JsonText.Parse(json, description);
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty(MapName, out var map) || map.ValueKind != JsonValueKind.Object)
        {
            throw Damaged(description, $"it has no object '{MapName}'");
        }
        var fileOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in map.EnumerateObject())
        {
            var file = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : entry.Value.GetRawText();
            CheckFile(file, entry.Name, description);
            fileOf.Add(entry.Name, file);
        }
        return fileOf.Count > 0 ? new SafetensorsIndex(fileOf) : throw Damaged(description, $"its '{MapName}' is empty");
    }

    private static void CheckFile(string file, string tensor, string description)
    {
        if (!CheckpointFiles.IsPlainName(file) || !file.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            throw new InvalidDataException(
                $"{description} places tensor '{tensor}' in '{file}', which is not the plain name of a safetensors file beside it. "
                + "The files of a model lie in one folder; get it from a source that you trust.");
        }
    }

    private static InvalidDataException Damaged(string description, string what) => new(
        $"{description} is not a valid index of weights: {what}. Download or export the model again.");
}
