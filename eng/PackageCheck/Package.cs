using System.IO.Compression;
using System.Xml.Linq;

namespace PackageChecks;

/// <summary>A .nupkg file, and the .snupkg beside it.</summary>
internal sealed class Package : IDisposable
{
    private readonly ZipArchive _archive;
    private readonly XElement _metadata;

    public Package(string path)
    {
        FilePath = path;
        _archive = ZipFile.OpenRead(path);
        using var nuspec = _archive.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        _metadata = XDocument.Load(nuspec).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    public string FilePath { get; }

    public string SymbolPath => Path.ChangeExtension(FilePath, ".snupkg");

    public long Length => new FileInfo(FilePath).Length;

    public string Id => Field("id");

    public string Version => Field("version");

    public string Licence => Element("license") is { } licence && licence.Attribute("type")?.Value == "expression" ? licence.Value : "";

    /// <summary>What it holds besides what makes a file a package.</summary>
    public IReadOnlyList<string> Files => [.. _archive.Entries.Select(entry => entry.FullName)
        .Where(name => !name.EndsWith(".nuspec", StringComparison.Ordinal) && !name.StartsWith("_rels/", StringComparison.Ordinal)
            && !name.StartsWith("package/", StringComparison.Ordinal) && name != "[Content_Types].xml")];

    /// <summary>The packages it brings, each as "id range".</summary>
    public IReadOnlyList<string> Dependencies => [.. _metadata.Descendants().Where(element => element.Name.LocalName == "dependency")
        .Select(element => $"{element.Attribute("id")!.Value} {element.Attribute("version")!.Value}")];

    public string Field(string name) => Element(name)?.Value ?? "";

    public XElement? Element(string name) => _metadata.Elements().FirstOrDefault(element => element.Name.LocalName == name);

    public byte[] Read(string name) => Read(_archive, name);

    public static byte[] Read(ZipArchive archive, string name)
    {
        using var content = archive.GetEntry(name)!.Open();
        using var copy = new MemoryStream();
        content.CopyTo(copy);
        return copy.ToArray();
    }

    public void Dispose() => _archive.Dispose();
}
