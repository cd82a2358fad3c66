namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>What to say when the disk is full.</summary>
internal static class HubDisk
{
    // ENOSPC and EDQUOT of Linux, EDQUOT of macOS, and the two codes of Windows.
    private static readonly int[] FullCodes = [28, 122, 69, unchecked((int)0x80070070), unchecked((int)0x80070027)];

    /// <summary>Runs something that writes.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public static void Write(HubRemoteFile file, Action write)
    {
        try
        {
            write();
        }
        catch (IOException e) when (FullCodes.Contains(e.HResult))
        {
            throw Full(file, e.Message.TrimEnd('.'), e);
        }
    }

    /// <summary>Refuses early what the disk cannot hold, where the system says how much is free.</summary>
    /// <param name="file">What is to be downloaded.</param>
    /// <param name="path">Where to.</param>
    /// <param name="bytes">How much of it is missing.</param>
    /// <exception cref="IOException">The disk has not enough space.</exception>
    public static void CheckSpace(HubRemoteFile file, string path, long bytes)
    {
        var root = Path.GetPathRoot(path) ?? "";
        if (OperatingSystem.IsWindows() && root.StartsWith('\\'))
        {
            return; // a network share, which DriveInfo does not take
        }
        var free = new DriveInfo(OperatingSystem.IsWindows() ? root : Path.GetDirectoryName(path)!).AvailableFreeSpace;
        if (bytes > free)
        {
            throw Full(file, $"{free} bytes are free");
        }
    }

    private static IOException Full(HubRemoteFile file, string what, Exception? cause = null) => new(
        $"The disk has no space for {file.Name}, which has {file.Size} bytes: {what}. Free some, or set the environment variable HF_HUB_CACHE to a "
        + "folder on another disk. What has arrived is kept.", cause);
}
