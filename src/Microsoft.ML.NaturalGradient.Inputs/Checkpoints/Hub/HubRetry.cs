using Polly;
using Polly.Retry;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>How a request that failed for the moment is repeated.</summary>
internal static class HubRetry
{
    /// <summary>Attempts after the first.</summary>
    public const int Retries = 5;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestAskedPause = TimeSpan.FromSeconds(60); // of what a server may ask for

    /// <summary>Pauses grow exponentially from one second, with jitter, unless the server says how long to wait.</summary>
    /// <param name="settings">The clock.</param>
    /// <param name="report">Told of every pause.</param>
    public static ResiliencePipeline Create(HubSettings settings, Action<string> report)
    {
        var options = new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<HubUnreachableException>(),
            MaxRetryAttempts = Retries,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Randomizer = settings.Jitter,
            Delay = FirstPause,
            MaxDelay = LongestPause,
            DelayGenerator = attempt => ValueTask.FromResult(AskedPause(attempt.Outcome.Exception)),
            OnRetry = attempt =>
            {
                report(FormattableString.Invariant(
                    $"{attempt.Outcome.Exception!.Message} Trying again in {attempt.RetryDelay.TotalSeconds:F0} s."));
                return ValueTask.CompletedTask;
            },
        };
        return new ResiliencePipelineBuilder { TimeProvider = settings.Time }.AddRetry(options).Build();
    }

    private static TimeSpan? AskedPause(Exception? failure) => failure is HubUnreachableException { RetryAfter: { } asked }
        ? TimeSpan.FromTicks(Math.Clamp(asked.Ticks, 0, LongestAskedPause.Ticks))
        : null;
}
