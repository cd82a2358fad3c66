using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>Which model of a hub: its name and a revision, both safe to be part of a path and of an address.</summary>
internal sealed partial class HubName
{
    /// <summary>The revision that stands for the newest state of a model.</summary>
    public const string MainRevision = "main";

    private const int MaxPart = 96; // the hub's own limit

    private HubName(string id, string revision)
    {
        Id = id;
        Revision = revision;
    }

    /// <summary>Name, as <c>organisation/model</c>, or <c>model</c> alone for the oldest ones.</summary>
    public string Id { get; }

    /// <summary>Branch, tag or commit.</summary>
    public string Revision { get; }

    /// <summary>Whether the revision is a whole commit hash, which names one state for ever.</summary>
    public bool IsCommit => IsCommitHash(Revision);

    /// <summary>Checks a name.</summary>
    /// <exception cref="ArgumentException">The name or the revision is not one that a hub could have.</exception>
    public static HubName Parse(string id, string revision)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        ArgumentException.ThrowIfNullOrWhiteSpace(revision);
        var parts = id.Split('/');
        var legal = parts.Length <= 2 && parts.All(part => part.Length <= MaxPart && PartPattern().IsMatch(part));
        if (!legal || id.Contains("--", StringComparison.Ordinal) || id.Contains("..", StringComparison.Ordinal)
            || id.EndsWith(".git", StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"'{id}' is not the name of a model on a hub. Give 'organisation/model', for example "
                + "'sentence-transformers/all-MiniLM-L6-v2'; for a folder use PretrainedModel.FromFolder.", nameof(id));
        }
        if (!RevisionPattern().IsMatch(revision) || revision.Contains("..", StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"'{revision}' is not a revision. Give a branch ('main'), a tag or a commit of 40 hexadecimal digits.", nameof(revision));
        }
        return new HubName(id, revision);
    }

    /// <summary>Whether a text is a whole commit hash.</summary>
    public static bool IsCommitHash(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <inheritdoc/>
    public override string ToString() => Revision == MainRevision ? Id : $"{Id}@{Revision}";

    [GeneratedRegex("^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex PartPattern();

    // What git allows in a reference, less what is special in a path.
    [GeneratedRegex("^[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*(/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)*\\z", RegexOptions.CultureInvariant)]
    private static partial Regex RevisionPattern();
}
