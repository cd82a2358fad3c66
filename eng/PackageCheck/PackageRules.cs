using System.IO.Compression;
using System.Xml.Linq;

namespace PackageChecks;

/// <summary>What has to be true of a package.</summary>
internal sealed class PackageRules(Package package, ExpectedPackage expected, string version)
{
    private const long LargestPackage = 60_000_000; // a model of 45 MB and what belongs to it
    private const int LongestNotes = 35_000; // characters that nuget.org takes
    private static readonly string[] Shown = ["authors", "description", "tags", "releaseNotes"];

    /// <summary>Says what is wrong.</summary>
    public IEnumerable<string> Broken() =>
        [.. Metadata(), .. Files(), .. Dependencies(), .. expected.Content == PackageContent.References ? [] : Symbols()];

    private IEnumerable<string> Metadata()
    {
        foreach (var name in Shown.Where(name => package.Field(name).Length == 0))
        {
            yield return $"{name} is empty";
        }

        if (package.Version != version)
        {
            yield return $"its version is {package.Version} and not {version}";
        }

        if (package.Licence != expected.Licence)
        {
            yield return $"its licence is '{package.Licence}' and not {expected.Licence}";
        }

        if (expected.Content != PackageContent.References && !package.Field("releaseNotes").StartsWith("## ", StringComparison.Ordinal))
        {
            yield return "its release notes are not a part of CHANGELOG.md";
        }

        if (package.Field("releaseNotes").Length > LongestNotes)
        {
            yield return $"its release notes have more than {LongestNotes} characters";
        }

        if (expected.Content != PackageContent.References && package.Element("repository")?.Attribute("commit")?.Value.Length is not 40)
        {
            yield return "it does not name the commit that it is built from";
        }
    }

    private IEnumerable<string> Files()
    {
        string[] wanted =
        [
            package.Field("readme"), package.Field("icon"), "THIRD-PARTY-NOTICES.md",
            .. expected.Content switch
            {
                PackageContent.Code => [$"lib/net10.0/{expected.Assembly}.dll", $"lib/net10.0/{expected.Assembly}.xml"],
                PackageContent.Data => [$"lib/net10.0/{expected.Assembly}.dll", "LICENSE"],
                _ => new[] { "lib/net10.0/_._" },
            },
        ];
        if (wanted.Except(package.Files).ToArray() is { Length: > 0 } missing)
        {
            yield return $"it lacks {string.Join(", ", missing)}";
        }

        if (package.Files.Except(wanted).ToArray() is { Length: > 0 } surplus)
        {
            yield return $"nobody expects {string.Join(", ", surplus)}";
        }

        if (package.Length > LargestPackage)
        {
            yield return $"it has {package.Length} bytes, more than {LargestPackage}";
        }

        if (expected.Content == PackageContent.Code && Documented() is 0)
        {
            yield return "its XML documentation is empty";
        }
    }

    private int Documented() =>
        XDocument.Load(new MemoryStream(package.Read($"lib/net10.0/{expected.Assembly}.xml"))).Descendants("member").Count();

    /// <summary>libtorch is the application's choice, and the assemblies of one build fit no other.</summary>
    private IEnumerable<string> Dependencies()
    {
        foreach (var dependency in package.Dependencies)
        {
            var (id, range) = (dependency.Split(' ')[0], dependency.Split(' ')[1]);
            var isCode = ExpectedPackage.All.Any(one => one.Id == id && one.Content == PackageContent.Code);
            if (isCode && range != $"[{version}]" && range != $"[{version}, {version}]")
            {
                yield return $"it takes {id} {range} and not [{version}] alone, whose internals it uses";
            }

            if (id.StartsWith("libtorch", StringComparison.OrdinalIgnoreCase)
                || (id.StartsWith("TorchSharp-", StringComparison.OrdinalIgnoreCase) && expected.Content != PackageContent.References))
            {
                yield return $"it brings {id}: libtorch is the application's choice";
            }
        }
    }

    private IEnumerable<string> Symbols()
    {
        if (!File.Exists(package.SymbolPath))
        {
            return ["there is no .snupkg beside it"];
        }

        using var archive = ZipFile.OpenRead(package.SymbolPath);
        var name = $"lib/net10.0/{expected.Assembly}.pdb";
        return archive.GetEntry(name) is null
            ? [$"its .snupkg lacks {name}"]
            : new SymbolFile(package.Read($"lib/net10.0/{expected.Assembly}.dll"), Package.Read(archive, name)).Broken(package.Element("repository")?.Attribute("url")?.Value ?? "");
    }
}
