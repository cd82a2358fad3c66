namespace Microsoft.ML.NaturalGradient;

/// <summary>A copy of a stream in a temporary file, which goes away with this object.</summary>
internal sealed class StateFile : IDisposable
{
    /// <summary>Copies a stream.</summary>
    /// <param name="content">Read from its position to its end; stays open.</param>
    public StateFile(Stream content)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"natural-gradient-{Guid.NewGuid():N}.safetensors");
        try
        {
            using var file = new FileStream(Path, PrivateFile.Options(FileAccess.Write));
            content.CopyTo(file);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Path of the file.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public void Dispose() => File.Delete(Path);
}
