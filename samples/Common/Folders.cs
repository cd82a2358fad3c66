namespace Samples;

/// <summary>The folders that a sample writes to.</summary>
internal static class Folders
{
    /// <summary>Makes it, and a file in it that goes again; before the training, since a folder that cannot be written should not cost minutes.</summary>
    public static void CreateOutput(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
            using var trial = new FileStream(Path.Combine(path, Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The folder \"{path}\" cannot be made or written: {exception.Message}");
        }
    }

    /// <summary>Moves files that are about to be written and are there already into a new folder beside them, and says so.</summary>
    public static void KeepEarlier(string path, params string[] names)
    {
        var earlier = names.Where(name => File.Exists(Path.Combine(path, name))).ToArray();
        if (earlier.Length == 0)
        {
            return;
        }

        var kept = Enumerable.Range(1, int.MaxValue).Select(n => Path.Combine(path, $"earlier-{n}")).First(folder => !Path.Exists(folder));
        Directory.CreateDirectory(kept);
        foreach (var name in earlier)
        {
            File.Move(Path.Combine(path, name), Path.Combine(kept, name));
        }

        Console.WriteLine($"Of an earlier run, moved to {kept}: {string.Join(", ", earlier)}");
    }

    /// <summary>Removes folders that a sample made, and the one around them where nothing else is in it.</summary>
    /// <param name="path">The folder around them, which may be one that the caller had before.</param>
    /// <param name="names">Names of the sample's own.</param>
    public static void Remove(string path, params IEnumerable<string> names)
    {
        foreach (var own in names.Select(name => Path.Combine(path, name)).Where(Directory.Exists))
        {
            Directory.Delete(own, recursive: true);
        }

        if (Directory.Exists(path) && !Directory.EnumerateFileSystemEntries(path).Any())
        {
            Directory.Delete(path);
        }
    }

    /// <summary>Runs code that writes to the current folder in a new one that is deleted afterwards, so that nothing of the caller's is touched.</summary>
    public static void RunInTemporary(Action run)
    {
        var current = Directory.GetCurrentDirectory();
        var folder = Directory.CreateTempSubdirectory("sample-").FullName;
        Directory.SetCurrentDirectory(folder);
        try
        {
            run();
        }
        finally
        {
            Directory.SetCurrentDirectory(current);
            Directory.Delete(folder, recursive: true);
        }
    }
}
