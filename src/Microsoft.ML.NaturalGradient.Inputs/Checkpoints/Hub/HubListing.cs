using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>What a hub says about a revision: its commit and the files of it.</summary>
internal sealed class HubListing
{
    private HubListing(string commit, IReadOnlySet<string> files)
    {
        Commit = commit;
        Files = files;
    }

    /// <summary>Hash of the commit, 40 hexadecimal digits.</summary>
    public string Commit { get; }

    /// <summary>Paths of all files, none of which leaves its folder.</summary>
    public IReadOnlySet<string> Files { get; }

    /// <summary>Reads a hub's answer.</summary>
    /// <param name="json">The answer.</param>
    /// <param name="name">The model asked for.</param>
    /// <exception cref="InvalidDataException">The answer is malformed, of another commit, or lists a path that leaves its folder.</exception>
    public static HubListing Parse(ReadOnlyMemory<byte> json, HubName name)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var commit = root.GetProperty("sha").GetString();
            if (commit is null || !HubName.IsCommitHash(commit) || (name.IsCommit && commit != name.Revision))
            {
                throw Unexpected(name, $"it names the commit '{commit}'");
            }
            var files = new HashSet<string>(StringComparer.Ordinal);
            foreach (var sibling in root.GetProperty("siblings").EnumerateArray())
            {
                var path = sibling.GetProperty("rfilename").GetString() ?? "";
                files.Add(IsInside(path) ? path : throw new InvalidDataException(
                    $"The repository of {name} lists the file '{path}', whose path leaves the folder of the model. Nothing was downloaded."));
            }
            return new HubListing(commit, files);
        }
        // The element's methods report a missing or different field by these exceptions.
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw Unexpected(name, e.Message.TrimEnd('.'), e);
        }
    }

    private static bool IsInside(string path) =>
        !path.Contains('\\', StringComparison.Ordinal) && !path.Contains('\0', StringComparison.Ordinal)
        && !(path.Length > 1 && path[1] == ':') && path.Split('/').All(part => part is not ("" or "." or ".."));

    private static InvalidDataException Unexpected(HubName name, string what, Exception? cause = null) => new(
        $"The answer about {name} is not that of a model hub: {what}. Check HF_ENDPOINT, and that no proxy or login page answers in its place.",
        cause);
}
