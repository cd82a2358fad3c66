namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>How a run ended.</summary>
/// <param name="BestEpoch">Epoch whose weights the model has now, from 1.</param>
/// <param name="Failure">Why the run ended before its time without being asked to; null when it did not.</param>
internal sealed record TrainingResult(int BestEpoch, string? Failure);
