namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A lock that processes share by a file; the operating system frees it when its process ends.</summary>
internal static class FileLock
{
    // What a file that somebody else has locked is reported by: EAGAIN of Linux and of macOS, two codes of Windows.
    private static readonly int[] HeldCodes = [11, 35, unchecked((int)0x80070020), unchecked((int)0x80070021)];

    /// <summary>Takes the lock, if nobody else has it.</summary>
    /// <param name="path">The file; its folder exists. It stays afterwards, since deleting it would let two processes hold different locks of one name.</param>
    /// <param name="options">More about the file.</param>
    /// <returns>The lock; the caller disposes it. Null if somebody else has it.</returns>
    /// <exception cref="IOException">The file cannot be made, or is a link, which a folder from a stranger may have to a place outside of it.</exception>
    public static FileStream? TryTake(string path, FileOptions options = FileOptions.None)
    {
        if (new FileInfo(path).LinkTarget is { } elsewhere)
        {
            throw new IOException($"The lock '{path}' is a link to '{elsewhere}', which is not followed. Delete it if nobody uses the folder.");
        }

        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, options);
        }
        catch (IOException e) when (IsHeld(e))
        {
            return null;
        }
    }

    /// <summary>Whether a file could not be opened because somebody else has locked it.</summary>
    /// <param name="error">What opening it ended with.</param>
    public static bool IsHeld(IOException error) => HeldCodes.Contains(error.HResult);
}
