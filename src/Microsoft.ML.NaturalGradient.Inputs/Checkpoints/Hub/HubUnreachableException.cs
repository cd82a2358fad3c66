namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>A failure that may be gone at the next attempt: no connection, a cut one, a server that is busy.</summary>
internal sealed class HubUnreachableException : IOException
{
    /// <summary>Makes the error.</summary>
    /// <param name="message">What went wrong.</param>
    /// <param name="cause">What reported it.</param>
    /// <param name="retryAfter">How long the server wants to be left alone; null if it did not say.</param>
    public HubUnreachableException(string message, Exception? cause = null, TimeSpan? retryAfter = null)
        : base(message, cause)
    {
        RetryAfter = retryAfter;
    }

    /// <summary>How long the server wants to be left alone; null if it did not say.</summary>
    public TimeSpan? RetryAfter { get; }
}
