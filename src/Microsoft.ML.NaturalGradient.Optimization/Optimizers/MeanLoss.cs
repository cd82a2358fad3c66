namespace Microsoft.ML.NaturalGradient;

/// <summary>Converts settings printed for the mean loss, as in the iEF paper, to this library, where the losses of a batch are summed.</summary>
/// <remarks>
/// A mean over B label positions divides every gradient by B, so the Gram matrix and the squared logit gradients by B². iEF's direction then
/// shrinks by B, that of EF and of the Fisher matrices grows by B; the damping converted, nothing else changes.
/// </remarks>
/// <example><code>Ief with { LiteralEq8 = true, LearningRate = MeanLoss.LearningRate(Ief, 50, 32, 2), Damping = MeanLoss.Damping(1e-12, 32, 2) }</code></example>
public static class MeanLoss
{
    /// <summary>Converts a learning rate.</summary>
    /// <remarks>
    /// With B = N·(labels per sample): η/B for iEF; η·B for EF, SF and the exact natural gradient; unchanged for updates of unit length. SGD
    /// takes the mean over samples here: η·N/B.
    /// </remarks>
    /// <param name="method">The method, with the settings with which it will run.</param>
    /// <param name="learningRate">The printed learning rate, greater than zero.</param>
    /// <param name="batchSize">Samples N of a batch, at least 1.</param>
    /// <param name="labelsPerSample">Label positions of a sample that count in its loss: 1 for classes; 2 for a word of one token and an end token.</param>
    /// <returns>The value for <see cref="OptimizerOptions.LearningRate"/>.</returns>
    /// <exception cref="ArgumentException">The method is another one, or measures its own step.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    public static double LearningRate(OptimizerOptions method, double learningRate, int batchSize, int labelsPerSample = 1)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(learningRate);
        var positions = Positions(batchSize, labelsPerSample);
        return method switch
        {
            NaturalGradientOptions { AutomaticStep: not null } => throw new ArgumentException(
                $"{method.Name} with AutomaticStep measures its step, which no printed learning rate is meant for. Set AutomaticStep to null.", nameof(method)),
            NaturalGradientOptions { NormalizeUpdate: true } or SgdOptions { NormalizeUpdate: true } => learningRate,
            IefOptions => learningRate / positions,
            NaturalGradientOptions => learningRate * positions,
            SgdOptions => learningRate / labelsPerSample,
            _ => throw new ArgumentException(
                $"There is no rule for {method.Name}: with one label for each sample, methods on the mean gradient take the printed learning rate as it is.",
                nameof(method)),
        };
    }

    /// <summary>Converts an absolute damping: λ·B², with B = N·(labels per sample).</summary>
    /// <param name="damping">The printed damping λ, zero or greater.</param>
    /// <param name="batchSize">Samples N of a batch, at least 1.</param>
    /// <param name="labelsPerSample">Label positions of a sample that count in its loss, at least 1.</param>
    /// <returns>
    /// The value for <see cref="NaturalGradientOptions.Damping"/> where it is absolute: with <see cref="IefOptions.LiteralEq8"/>,
    /// <see cref="EfOptions.AbsoluteDamping"/> or <see cref="SfOptions.AbsoluteDamping"/>.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static double Damping(double damping, int batchSize, int labelsPerSample = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(damping);
        var positions = Positions(batchSize, labelsPerSample);
        return damping * positions * positions;
    }

    private static double Positions(int batchSize, int labelsPerSample)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(labelsPerSample, 1);
        return (double)batchSize * labelsPerSample;
    }
}
