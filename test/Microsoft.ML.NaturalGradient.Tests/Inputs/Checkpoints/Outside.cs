namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

/// <summary>A folder that files of a stranger have no business with.</summary>
internal sealed class Outside : IDisposable
{
    private const string Content = "untouched";

    /// <summary>Makes it, with files.</summary>
    public Outside(params ReadOnlySpan<string> files)
    {
        foreach (var file in files)
        {
            File.WriteAllText(System.IO.Path.Combine(Path, file), Content);
        }
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("outside").FullName;

    /// <summary>Its name, without the folder of temporary files, in which the tests' folders are too.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Whether a file is there as it was made.</summary>
    public bool Has(string file)
    {
        var path = System.IO.Path.Combine(Path, file);
        return File.Exists(path) && File.ReadAllText(path) == Content;
    }

    /// <summary>Makes a symbolic link to the folder, or to a file in it, which need not be there.</summary>
    public void LinkFrom(string link, string? file = null)
    {
        try
        {
            _ = file is null ? Directory.CreateSymbolicLink(link, Path) : File.CreateSymbolicLink(link, System.IO.Path.Combine(Path, file));
        }
        catch (IOException e) when (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive($"Windows does not let everybody make links: {e.Message}");
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
