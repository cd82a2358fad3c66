namespace Microsoft.ML.NaturalGradient;

/// <summary>How often the state of a training run is saved besides the end of every epoch.</summary>
/// <remarks>Whichever of the two comes first; with neither, only epochs count.</remarks>
public sealed record CheckpointInterval
{
    /// <summary>Steps from one checkpoint to the next; at least 1, or null (the default) not to count them.</summary>
    public int? Steps { get; init; }

    /// <summary>Time from one checkpoint to the next; longer than zero, or null not to look at the clock. The default is five minutes.</summary>
    public TimeSpan? Time { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Throws when a setting is out of range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is; the message names it.</exception>
    internal void Validate()
    {
        SettingCheck.Require(Steps is null or >= 1, nameof(Steps), Steps, "Use at least 1, or null.");
        SettingCheck.Require(Time is null || Time > TimeSpan.Zero, nameof(Time), Time, "Use a time longer than zero, or null.");
    }
}
