
namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>Says from time to time how much of a file there is.</summary>
/// <param name="file">The file.</param>
/// <param name="time">The clock.</param>
/// <param name="report">Takes a line of text.</param>
internal sealed class HubProgress(HubRemoteFile file, TimeProvider time, Action<string> report)
{
    private const double Megabyte = 1e6;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private long _last = time.GetTimestamp();

    /// <summary>Reports if the last time is long enough ago, or if the file is there; never for a small file.</summary>
    /// <param name="bytes">How much of it there is.</param>
    public void Advance(long bytes)
    {
        if (file.Size >= Megabyte && (bytes == file.Size || time.GetElapsedTime(_last) >= Interval))
        {
            _last = time.GetTimestamp();
            report(FormattableString.Invariant($"{file.Name} {bytes / Megabyte:F1} of {file.Size / Megabyte:F1} MB"));
        }
    }
}
