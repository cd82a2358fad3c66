namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>A lock file, so that of several processes one downloads a file and the others wait for it.</summary>
/// <remarks>
/// On Linux it excludes Python's huggingface_hub too, which locks the same file in the same way.
/// </remarks>
internal static class HubLock
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits for the lock.</summary>
    /// <param name="path">The lock file; its folder exists.</param>
    /// <param name="growing">What the holder of the lock writes; while it grows, there is patience.</param>
    /// <param name="file">What is downloaded, for messages.</param>
    /// <param name="settings">Clock and patience.</param>
    /// <param name="report">Told once if there is something to wait for.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The lock; the caller disposes it.</returns>
    /// <exception cref="IOException">The lock was not given up in time.</exception>
    public static async Task<IDisposable> AcquireAsync(
        string path, string growing, string file, HubSettings settings, Action<string> report, CancellationToken cancellation)
    {
        var waited = TimeSpan.Zero;
        var seen = -1L;
        while (true)
        {
            if (FileLock.TryTake(path) is { } handle)
            {
                return handle;
            }
            if (seen < 0)
            {
                report($"Another process downloads {file}; waiting for it.");
            }
            var length = new FileInfo(growing) is { Exists: true } info ? info.Length : 0;
            waited = length == seen ? waited + Pause : TimeSpan.Zero;
            seen = length;
            if (waited >= settings.LockTimeout)
            {
                throw new IOException(
                    $"Another process has held the lock '{path}' for {settings.LockTimeout} without downloading anything of {file}. "
                    + "Wait for that process or end it, and try again; the lock ends with its process.");
            }
            await Task.Delay(Pause, settings.Time, cancellation);
        }
    }
}
