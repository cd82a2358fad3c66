using System.Text;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Writes a file so that its name always stands for a whole one: the old until the new is complete and on the disk.</summary>
/// <remarks>
/// It is written beside its place under a name with <c>.partial</c>, flushed to the disk and renamed. Where a process was ended in between, the
/// next write of the same file removes what it left; a lock tells that from the work of a process that is still writing.
/// </remarks>
internal static class AtomicFile
{
    private const string Suffix = ".partial";
    private const int LongestName = 200; // bytes; a name may have 255, and the temporary one has 42 more

    // A file that is open can be renamed everywhere with these; locked it is only on Unix, where the lock hinders no renaming.
    private static readonly FileShare Share = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;

    /// <summary>Writes a file, or replaces it.</summary>
    /// <param name="path">Its path; the folder exists.</param>
    /// <param name="write">Writes the content; if it throws, the old file stays as it was.</param>
    /// <param name="followLink">Whether a link at the path is followed; else the file takes its place, as in folders that may come from a stranger.</param>
    public static void Write(string path, Action<Stream> write, bool followLink = true)
    {
        var target = Path.GetFullPath(path);
        if (followLink && new FileInfo(target).LinkTarget is not null)
        {
            target = File.ResolveLinkTarget(target, returnFinalTarget: true)!.FullName;
        }

        var (folder, name) = (Path.GetDirectoryName(target)!, Path.GetFileName(target));
        var stem = Encoding.UTF8.GetByteCount(name) <= LongestName ? name : ContentHash.Of(Encoding.UTF8.GetBytes(name));
        RemoveLeftovers(folder, stem);
        using var stream = Create(folder, stem);
        var temporary = stream.Name;
        try
        {
            write(stream);
            stream.Flush(flushToDisk: true);
            if (!OperatingSystem.IsWindows() && File.Exists(target))
            {
                File.SetUnixFileMode(temporary, File.GetUnixFileMode(target));
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    // A file is not locked in the moment after it is made: another process may take it for a leftover, and lock or even delete it.
    private static FileStream Create(string folder, string stem)
    {
        while (true)
        {
            var path = Path.Combine(folder, $".{stem}.{Guid.NewGuid():N}{Suffix}");
            try
            {
                var stream = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, Share);
                if (File.Exists(path))
                {
                    return stream;
                }

                stream.Dispose();
            }
            catch (IOException e) when (FileLock.IsHeld(e))
            {
                // Under another name, then.
            }
        }
    }

    private static void RemoveLeftovers(string folder, string stem)
    {
        if (!Directory.Exists(folder))
        {
            return; // creating the file says so
        }

        foreach (var leftover in Directory.EnumerateFiles(folder, $".{stem}.*{Suffix}"))
        {
            try
            {
                new FileStream(leftover, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another process is writing it, or has just finished.
            }
        }
    }
}
