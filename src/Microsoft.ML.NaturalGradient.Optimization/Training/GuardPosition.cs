namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>What a <see cref="DivergenceGuard"/> knows, without its copies of weights and optimizer.</summary>
/// <param name="Guess">Loss of a guess, as far as losses are compared with it.</param>
/// <param name="Smoothed">Smoothed loss.</param>
/// <param name="Lowest">Its lowest value.</param>
/// <param name="Steps">Batches seen.</param>
/// <param name="SinceSnapshot">Steps since weights were copied.</param>
/// <param name="RateFactor">What learning rates are multiplied with.</param>
/// <param name="Rescues">How often the run was taken back.</param>
/// <param name="GoodEpoch">Where the copied weights are from.</param>
/// <param name="GoodStep">The same.</param>
/// <param name="IsAtStart">Whether the run is back where it began, and no step was taken since.</param>
internal sealed record GuardPosition(
    double Guess, double Smoothed, double Lowest, int Steps, int SinceSnapshot, double RateFactor, int Rescues, int GoodEpoch, int GoodStep, bool IsAtStart);
