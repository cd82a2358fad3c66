using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;

namespace PackageChecks;

/// <summary>The symbols of an assembly.</summary>
internal sealed class SymbolFile(byte[] assembly, byte[] symbols)
{
    private static readonly Guid SourceLink = new("CC110556-A091-4D38-9FEC-25AB9A351A6A");

    /// <summary>Says what is wrong with them.</summary>
    /// <param name="repository">Address of the repository; empty where the build did not know one.</param>
    public IEnumerable<string> Broken(string repository)
    {
        using var executable = new PEReader(ImmutableArray.Create(assembly));
        using var provider = MetadataReaderProvider.FromPortablePdbImage(ImmutableArray.Create(symbols));
        var reader = provider.GetMetadataReader();

        var entries = executable.ReadDebugDirectory();
        if (!entries.Any(entry => entry.Type == DebugDirectoryEntryType.Reproducible))
        {
            yield return "its assembly is not built deterministically";
        }

        var codeView = executable.ReadCodeViewDebugDirectoryData(entries.Single(entry => entry.Type == DebugDirectoryEntryType.CodeView));
        if (codeView.Guid != new BlobContentId(reader.DebugMetadataHeader!.Id).Guid)
        {
            yield return "its symbols are those of another build";
        }

        // A path of the machine it was built on would differ on the next one.
        var paths = reader.Documents.Select(handle => reader.GetString(reader.GetDocument(handle).Name)).ToArray();
        if (paths.FirstOrDefault(path => !path.StartsWith("/_", StringComparison.Ordinal)) is { } path)
        {
            yield return $"its symbols name the file {path} of this machine";
        }

        var links = reader.CustomDebugInformation.Select(reader.GetCustomDebugInformation)
            .Where(information => reader.GetGuid(information.Kind) == SourceLink).Select(information => Encoding.UTF8.GetString(reader.GetBlobBytes(information.Value)));
        if (repository.Length > 0 && !links.Any())
        {
            yield return $"its symbols have no SourceLink, though the repository {repository} is known";
        }
    }
}
