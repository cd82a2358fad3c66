namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>The bytes of a loaded graph, for saving it again: in a temporary file, since ONNX Runtime has its own copy of the weights in memory.</summary>
internal sealed class KeptGraph : IDisposable
{
    private readonly SpillingStore _store;

    /// <summary>Keeps a graph.</summary>
    /// <param name="content">Its bytes.</param>
    /// <param name="folder">Folder of the temporary file; null for the system's. Where it cannot be written, the bytes stay in memory.</param>
    public KeptGraph(byte[] content, string? folder)
    {
        var store = new SpillingStore("Graphs", memoryLimit: 0, folder);
        try
        {
            store.Add(content);
            if (!OperatingSystem.IsWindows() && store.FilePath is { } path)
            {
                File.Delete(path); // it can be read until it is closed, and nothing is left where the process is ended
            }
        }
        catch (IOException)
        {
            store.Dispose();
            store = new SpillingStore("Graphs", content.Length);
            store.Add(content);
        }

        _store = store;
    }

    /// <summary>The bytes.</summary>
    /// <exception cref="ObjectDisposedException">The graph is disposed.</exception>
    public byte[] Read() => _store.Read(0);

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();
}
