namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Replaces the files of a model in a folder, all of them or none; whatever else is in the folder stays.</summary>
/// <remarks>
/// The files are written to <c>.saving</c> in the folder and flushed to the disk. Renaming that to <c>.saved</c> decides: until then the folder
/// is what it was, from then on the new files count, and are moved to their places. A process that ends in between leaves a folder without
/// weights and <c>.saved</c>, from which <see cref="Finish"/> goes on, before the next save into the folder or the next reading of it.
/// A folder may come from a stranger: what is moved or deleted lies in it, whatever <c>.saved</c> says.
/// </remarks>
internal sealed class FolderSave : IDisposable
{
    private const string StagingName = ".saving";
    private const string SavedName = ".saved";
    private const string LockName = ".saving.lock";
    private const string StaleName = ".stale"; // lists the files of the old model that the new one does not have
    private static readonly string[] CheckedEndings = [".safetensors", ".onnx"];
    private static readonly string[] WeightsEndings = [.. CheckedEndings, ".onnx_data"]; // whose checksum the graph holds

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly string _folder;
    private readonly string _staging;
    private readonly bool _isNew;
    private readonly FileStream _lock;

    private FolderSave(string folder)
    {
        _folder = Path.GetFullPath(folder);
        _staging = Path.Combine(_folder, StagingName);
        (_lock, _isNew) = Lock(_folder);
        try
        {
            MoveSaved(_folder);
            DeleteFolder(_staging); // of a process that was ended
            Directory.CreateDirectory(_staging);
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    /// <summary>Begins; nothing of the folder changes before <see cref="Commit"/>.</summary>
    /// <param name="folder">Path of the folder, which is made where it does not exist.</param>
    /// <returns>The save; the caller disposes it.</returns>
    /// <exception cref="IOException">Another program saves to the folder.</exception>
    public static FolderSave Begin(string folder) => new(folder);

    /// <summary>Completes a save whose process was ended while it moved the files.</summary>
    /// <param name="folder">A folder with a model.</param>
    /// <exception cref="IOException">The files cannot be moved.</exception>
    /// <exception cref="InvalidDataException">What is there was left by no save: it is a link, or names files outside the folder.</exception>
    public static void Finish(string folder)
    {
        if (!Directory.Exists(Path.Combine(folder, SavedName)))
        {
            return;
        }

        try
        {
            using var hold = Lock(folder).Taken;
            MoveSaved(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"A save into '{folder}' was interrupted when its files were complete, and they cannot be moved to their place: {e.Message} "
                + $"Move the files of '{Path.Combine(folder, SavedName)}' into the folder above it.", e);
        }
    }

    /// <summary>Writes a file of the new model, and the checksum of weights beside it.</summary>
    /// <param name="name">File name.</param>
    /// <param name="write">Writes the content.</param>
    public void Write(string name, Action<Stream> write)
    {
        if (!HasEnding(name, CheckedEndings))
        {
            WriteFile(name, write);
            return;
        }

        var hash = "";
        WriteFile(name, stream => hash = ContentHash.Of(write, stream));
        WriteFile(name + WeightsChecksum.Ending, stream => stream.Write(WeightsChecksum.Line(name, hash)));
    }

    /// <summary>Writes a file of the new model.</summary>
    /// <param name="name">File name.</param>
    /// <param name="content">Its content.</param>
    public void Write(string name, byte[] content) => Write(name, stream => stream.Write(content));

    /// <summary>Puts the files in their places.</summary>
    /// <param name="owned">Names of files that belong to a model of this kind: those not written are removed.</param>
    /// <exception cref="IOException">A folder has the name of such a file; nothing is changed.</exception>
    public void Commit(IEnumerable<string> owned)
    {
        string[] stale = [.. owned.Where(name => !File.Exists(Path.Combine(_staging, name)))];
        var written = Directory.EnumerateFiles(_staging).Select(path => Path.GetFileName(path));
        if (written.Concat(stale).Select(name => Path.Combine(_folder, name)).FirstOrDefault(Directory.Exists) is { } inTheWay)
        {
            throw new IOException($"'{inTheWay}' is a folder, and a file of the model has its name. Nothing was saved. Rename it, or save to another folder.");
        }

        Write(StaleName, System.Text.Encoding.UTF8.GetBytes(string.Join('\n', stale)));
        Directory.Move(_staging, Path.Combine(_folder, SavedName));
        MoveSaved(_folder);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using (_lock)
        {
            DeleteFolder(_staging);
        }

        try
        {
            if (_isNew && !Directory.EnumerateFileSystemEntries(_folder).Any())
            {
                Directory.Delete(_folder);
            }
        }
        catch (IOException)
        {
            // Another save has begun in it, or removed it.
        }
    }

    private void WriteFile(string name, Action<Stream> write)
    {
        using var stream = new FileStream(Path.Combine(_staging, name), FileMode.CreateNew, FileAccess.Write);
        write(stream);
        stream.Flush(flushToDisk: true);
    }

    // The file goes with the lock: a folder of a model keeps nothing that is no model. .NET looks whether the file it has locked is still the one of
    // its name. A folder that another save made goes when that is given up, and on Windows a file that is being deleted cannot be opened.
    private static (FileStream Taken, bool IsNew) Lock(string folder)
    {
        var isNew = false;
        for (var waited = TimeSpan.Zero; ; waited += Pause)
        {
            try
            {
                isNew |= !Directory.Exists(folder);
                Directory.CreateDirectory(folder);
                if (FileLock.TryTake(Path.Combine(folder, LockName), FileOptions.DeleteOnClose) is { } taken)
                {
                    return (taken, isNew);
                }
            }
            catch (Exception e) when (waited < Patience && (e is DirectoryNotFoundException || (OperatingSystem.IsWindows() && e is UnauthorizedAccessException)))
            {
                // Another save has just ended.
            }

            if (waited >= Patience)
            {
                throw new IOException($"Another program has been saving to '{folder}' for {Patience.TotalSeconds} s. Try again when it has ended, or save to another folder.");
            }

            Thread.Sleep(Pause);
        }
    }

    // Old weights go first and new ones come last, so that nobody finds weights with the description of others.
    private static void MoveSaved(string folder)
    {
        var saved = new DirectoryInfo(Path.Combine(folder, SavedName));
        if (!saved.Exists)
        {
            return;
        }

        var stale = StaleNames(saved);
        var files = saved.GetFiles().Where(file => file.Name != StaleName).OrderBy(file => IsWeights(file.Name)).ToArray();
        foreach (var name in files.Select(file => file.Name).Where(IsWeights))
        {
            File.Delete(Path.Combine(folder, name));
        }

        foreach (var name in stale)
        {
            File.Delete(Path.Combine(folder, name));
        }

        foreach (var file in files)
        {
            file.MoveTo(Path.Combine(folder, file.Name), overwrite: true);
        }

        saved.Delete(recursive: true);
    }

    private static bool IsWeights(string name) => HasEnding(name, WeightsEndings);

    private static bool HasEnding(string name, string[] endings) => Array.Exists(endings, ending => name.EndsWith(ending, StringComparison.Ordinal));

    private static string[] StaleNames(DirectoryInfo saved)
    {
        if (saved.LinkTarget is not null)
        {
            throw Foreign(saved.FullName, $"is a link to '{saved.LinkTarget}'");
        }

        var list = Path.Combine(saved.FullName, StaleName);
        using var content = File.Exists(list) ? RegularFile.OpenRead(list) : Stream.Null;
        CheckpointFiles.CheckLength(StaleName, content.Length, $"'{list}'");
        using var reader = new StreamReader(content);
        var names = reader.ReadToEnd().ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return Array.Find(names, name => !CheckpointFiles.IsPlainName(name)) is { } outside
            ? throw Foreign(list, $"names '{outside}', which is no file of the folder")
            : names;
    }

    private static InvalidDataException Foreign(string path, string what) => new(
        $"'{path}' {what}, so no interrupted save left it. Nothing was changed. Get the model from a source that you trust, or delete '{SavedName}' in its folder.");

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
