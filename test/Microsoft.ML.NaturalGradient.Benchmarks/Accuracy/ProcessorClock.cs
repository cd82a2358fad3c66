using System.Diagnostics;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Tells what a quiet machine's clock would, from the processor time of this process: other work on the machine does not count.</summary>
/// <param name="speed">Seconds of the quiet machine for a second of processor time.</param>
internal sealed class ProcessorClock(double speed) : TimeProvider
{
    private readonly Process _process = Process.GetCurrentProcess();

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        _process.Refresh();
        return (long)(_process.TotalProcessorTime.Ticks * speed);
    }
}
