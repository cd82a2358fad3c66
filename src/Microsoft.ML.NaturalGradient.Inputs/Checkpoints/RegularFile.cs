namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Opens files of folders that may come from a stranger.</summary>
internal static class RegularFile
{
    /// <summary>Opens a file for reading; links are followed.</summary>
    /// <remarks>
    /// A pipe would keep the caller waiting until somebody writes to it, and a device may never end. Both say that they have no bytes, so that they
    /// are read as empty files and never opened.
    /// </remarks>
    /// <param name="path">Path of the file, which exists.</param>
    /// <returns>Its content; the caller disposes it.</returns>
    public static Stream OpenRead(string path) => IsEmpty(path)
        ? new MemoryStream([], writable: false)
        : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);

    /// <summary>Whether there is a file; not so for a link to one that is gone, as when someone has emptied a part of a cache.</summary>
    /// <param name="path">Path of the file.</param>
    public static bool Exists(string path) => File.Exists(path)
        && (new FileInfo(path) is { LinkTarget: null } || File.ResolveLinkTarget(path, returnFinalTarget: true) is { Exists: true });

    /// <summary>Whether a file says that it has no bytes; a link says it of its target.</summary>
    /// <param name="path">Path of the file.</param>
    public static bool IsEmpty(string path)
    {
        FileSystemInfo file = new FileInfo(path);
        file = file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        return file is FileInfo { Exists: true, Length: 0 };
    }
}
