namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>The training loss of each epoch.</summary>
internal sealed class EpochLosses
{
    private readonly List<double> _losses = [];

    /// <summary>To be set as <see cref="FineTuningOptions.MetricsCallback"/>.</summary>
    public void Report(TrainingProgress progress)
    {
        if (progress.EndOfEpoch)
        {
            _losses.Add(progress.Loss);
        }
    }

    public void AssertFell() => Fixture.AssertLess(_losses[0], _losses[^1]);
}
