using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.OnnxRuntime;

namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>The bytes of a graph: in a file, so that they take no memory beside ONNX Runtime's own copy of the weights.</summary>
internal sealed class StoredGraph : IDisposable
{
    private readonly byte[]? _content;
    private readonly (long Length, DateTime Written) _state;
    private readonly bool _isTemporary;
    private FileStream? _open;

    private StoredGraph(string? path, byte[]? content, bool isTemporary)
    {
        (Path, _content, _isTemporary) = (path, content, isTemporary);
        _state = path is null ? default : StateOf(path);
    }

    /// <summary>Path of the file; null where the bytes are in memory.</summary>
    public string? Path { get; }

    /// <summary>A file of the user's, which stays.</summary>
    /// <param name="path">Its path.</param>
    public static StoredGraph InFile(string path) => new(path, null, isTemporary: false);

    /// <summary>A temporary file, which goes away with this object; memory where none can be written.</summary>
    /// <param name="write">Writes the bytes; called again for memory.</param>
    /// <param name="folder">Folder of the file; null for the system's.</param>
    public static StoredGraph Temporary(Action<Stream> write, string? folder)
    {
        var path = System.IO.Path.Combine(folder ?? System.IO.Path.GetTempPath(), $"natural-gradient-{Guid.NewGuid():N}.onnx");
        try
        {
            using (var file = new FileStream(path, PrivateFile.Options(FileAccess.Write)))
            {
                write(file);
            }

            return new StoredGraph(path, null, isTemporary: true);
        }
        catch (Exception e) when (DiskErrors.IsOfWriting(e))
        {
            Remove(path);
            using var memory = new MemoryStream();
            write(memory);
            return new StoredGraph(null, memory.ToArray(), isTemporary: true);
        }
        catch
        {
            Remove(path);
            throw;
        }
    }

    /// <summary>The bytes, without copying a file; valid until they are disposed.</summary>
    public ByteSource Map() => _content is not null ? ByteSource.FromArray(_content) : ByteSource.FromFile(Path!);

    /// <summary>Has ONNX Runtime load the graph.</summary>
    /// <param name="options">Settings.</param>
    /// <returns>The session; owned by the caller.</returns>
    public InferenceSession Load(SessionOptions options)
    {
        var session = _content is not null ? new InferenceSession(_content, options) : new InferenceSession(Path, options);
        if (_isTemporary && Path is not null && _open is null)
        {
            _open = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.DeleteOnClose);
            PrivateFile.TakeName(Path);
        }

        return session;
    }

    /// <summary>Writes the bytes once more.</summary>
    /// <param name="destination">Takes them.</param>
    /// <exception cref="IOException">The file was changed since it was loaded, or cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The graph is disposed.</exception>
    public void CopyTo(Stream destination)
    {
        if (_content is not null)
        {
            destination.Write(_content);
            return;
        }

        if (!_isTemporary)
        {
            using var file = RegularFile.OpenRead(Path!);
            if (StateOf(Path!) != _state)
            {
                throw new IOException($"The graph '{Path}' was changed since the model was loaded from it, so that the model cannot be saved. Load it again.");
            }

            file.CopyTo(destination);
            return;
        }

        var piece = new byte[1 << 16];
        long place = 0;
        for (int count; (count = RandomAccess.Read(_open!.SafeFileHandle, piece, place)) > 0; place += count)
        {
            destination.Write(piece, 0, count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _open?.Dispose();
        if (_isTemporary && _open is null && Path is not null)
        {
            Remove(Path);
        }
    }

    private static (long Length, DateTime Written) StateOf(string path)
    {
        var file = new FileInfo(path);
        return (file.Length, file.LastWriteTimeUtc);
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that cannot be written has nothing to remove.
        }
    }
}
