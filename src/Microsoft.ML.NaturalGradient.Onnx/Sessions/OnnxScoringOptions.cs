namespace Microsoft.ML.NaturalGradient;

/// <summary>How ONNX Runtime computes.</summary>
public sealed record OnnxScoringOptions
{
    /// <summary>Threads that compute one batch together.</summary>
    /// <value>At least 1; null (the default) takes ONNX Runtime's choice, one for each core. A service that answers many requests at once does more of them with 1.</value>
    public int? ThreadCount { get; init; }

    internal void Validate() =>
        SettingCheck.Require(ThreadCount is null or >= 1, nameof(ThreadCount), ThreadCount, "Use at least 1 thread, or null for ONNX Runtime's choice.");
}
