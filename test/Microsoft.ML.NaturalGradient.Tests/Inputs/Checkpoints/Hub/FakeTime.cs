namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>A clock on which every pause is over at once, and noted. It goes forward by a second whenever it is read.</summary>
internal sealed class FakeTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<TimeSpan> _pauses = [];
    private long _ticks = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    /// <summary>All pauses so far, in seconds.</summary>
    public double[] Pauses
    {
        get
        {
            lock (_lock)
            {
                return [.. _pauses.Select(pause => pause.TotalSeconds)];
            }
        }
    }

    /// <summary>Called at every pause with the number of pauses so far.</summary>
    public Action<int>? OnPause { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Add(ref _ticks, TimeSpan.TicksPerSecond);

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        lock (_lock)
        {
            _pauses.Add(dueTime);
            OnPause?.Invoke(_pauses.Count);
        }

        return new Timer(callback, state, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }
}
