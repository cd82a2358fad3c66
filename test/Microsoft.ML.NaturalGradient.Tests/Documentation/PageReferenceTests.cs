using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>What pages point to is there: files and headings that links name, and source files named in the text.</summary>
[TestClass]
public sealed partial class PageReferenceTests
{
    private static readonly string[] SourceFolders = ["src", "test", "samples", "eng"];

    public static IEnumerable<object[]> Pages
    {
        get
        {
            var root = CodeExampleTests.RepositoryRoot();
            return Directory.EnumerateFiles(root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md"))
                .Select(page => new object[] { Path.GetRelativePath(root, page) });
        }
    }

    [TestMethod]
    [DynamicData(nameof(Pages))]
    public void Page_EveryLink_LeadsSomewhere(string page)
    {
        var (root, missing) = (CodeExampleTests.RepositoryRoot(), new List<string>());
        var path = Path.Combine(root, page);

        foreach (var link in Link().Matches(File.ReadAllText(path)).Select(match => match.Groups[1].Value).Where(link => !link.Contains("://", StringComparison.Ordinal)))
        {
            var parts = link.Split('#');
            var target = parts[0].Length == 0 ? path : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, parts[0]));
            if (!Path.Exists(target) || (parts.Length > 1 && !Anchors(File.ReadAllText(target)).Contains(parts[1])))
            {
                missing.Add(link);
            }
        }

        Assert.IsEmpty(missing, $"{page} has links that lead nowhere: {string.Join(", ", missing)}");
    }

    [TestMethod]
    [DynamicData(nameof(Pages))]
    public void Page_EverySourceFileInTheText_Exists(string page)
    {
        var root = CodeExampleTests.RepositoryRoot();
        var files = SourceFolders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            .Select(file => "/" + Path.GetRelativePath(root, file).Replace('\\', '/')).ToArray();

        var missing = SourceFile().Matches(File.ReadAllText(Path.Combine(root, page))).Select(match => match.Groups[1].Value).Distinct()
            .Where(name => !files.Any(file => file.EndsWith("/" + name, StringComparison.Ordinal))).ToArray();

        Assert.IsEmpty(missing, $"{page} names files that do not exist: {string.Join(", ", missing)}");
    }

    /// <summary>The anchors that GitHub gives the headings of a page; the second of a name gets -1, and so on.</summary>
    private static HashSet<string> Anchors(string text)
    {
        var seen = new Dictionary<string, int>();
        return
        [
            .. Heading().Matches(text).Select(match => OtherCharacters().Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-')).Select(anchor =>
            {
                var earlier = seen.GetValueOrDefault(anchor);
                seen[anchor] = earlier + 1;
                return earlier == 0 ? anchor : $"{anchor}-{earlier}";
            }),
        ];
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`([\w./]+\.cs)`")]
    private static partial Regex SourceFile();

    [GeneratedRegex(@"^#+ (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex OtherCharacters();
}
