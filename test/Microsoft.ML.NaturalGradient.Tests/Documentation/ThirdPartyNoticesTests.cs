using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

[TestClass]
public sealed partial class ThirdPartyNoticesTests
{
    private static readonly string[] BuildOnly = ["Grpc.Tools", "Microsoft.CodeAnalysis.BannedApiAnalyzers", "Microsoft.CodeAnalysis.PublicApiAnalyzers"];

    [TestMethod]
    public void BroughtPackages_OfTheLockFiles_AreThoseOfTheNotices()
    {
        var root = CodeExampleTests.RepositoryRoot();
        var brought = Directory.EnumerateFiles(Path.Combine(root, "src"), "packages.lock.json", SearchOption.AllDirectories).SelectMany(Packages)
            .Except(BuildOnly).Distinct().Order(StringComparer.Ordinal).ToArray();

        var part = Part().Match(File.ReadAllText(Path.Combine(root, "THIRD-PARTY-NOTICES.md"))).Value;
        var noticed = Row().Matches(part).SelectMany(row => row.Groups[1].Value.Split(", ")).Where(name => char.IsAsciiLetterUpper(name[0])).Order(StringComparer.Ordinal).ToArray();

        CollectionAssert.AreEqual(brought, noticed);
    }

    /// <summary>The packages of a lock file; other projects are in it too.</summary>
    private static string[] Packages(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. document.RootElement.GetProperty("dependencies").EnumerateObject().SelectMany(framework => framework.Value.EnumerateObject())
            .Where(package => package.Value.GetProperty("type").GetString() != "Project").Select(package => package.Name)];
    }

    [GeneratedRegex(@"^## Brought by the packages\n.*?^NaturalGradient", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Part();

    [GeneratedRegex(@"^\| ([A-Z][^|]*?) \| ", RegexOptions.Multiline)]
    private static partial Regex Row();
}
