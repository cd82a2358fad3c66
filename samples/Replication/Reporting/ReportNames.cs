namespace ReplicationSample;

/// <summary>Names of the files of tables and pictures, without endings; no two alike.</summary>
internal sealed class ReportNames
{
    private readonly HashSet<string> _taken = [];

    /// <summary>The name of the next.</summary>
    /// <param name="kind">What was run.</param>
    /// <param name="name">Name of the experiment, of any characters.</param>
    /// <param name="key">Key of its settings where they have been several; else null.</param>
    public string Next(ExperimentKind kind, string name, string? key)
    {
        var first = $"{kind}-{Slug(name)}{(key is null ? "" : "-" + Slug(key))}".ToLowerInvariant();
        var (next, copy) = (first, 2);
        while (!_taken.Add(next))
        {
            next = FormattableString.Invariant($"{first}-{copy++}"); // another experiment's name has the same letters
        }

        return next;
    }

    private static string Slug(string name) =>
        string.Join('-', new string([.. name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
