namespace Microsoft.ML.NaturalGradient;

/// <summary>How the learning rate changes from the first to the last step: a warm-up from zero, then a shape.</summary>
/// <remarks>With T steps in all and W = round(<see cref="WarmupFraction"/>·T), step t (from 0) of the warm-up uses (t+1)/W of the learning rate.</remarks>
public abstract record LearningRateSchedule
{
    private protected LearningRateSchedule()
    {
    }

    /// <summary>The full learning rate at every step.</summary>
    public static LearningRateSchedule Constant { get; } = new ConstantSchedule();

    /// <summary>Falls linearly to zero: factor 1 − u, with u the fraction of steps done since the warm-up.</summary>
    public static LearningRateSchedule Linear { get; } = new LinearSchedule();

    /// <summary>Falls to zero along half a cosine: factor (1 + cos πu)/2.</summary>
    public static LearningRateSchedule Cosine { get; } = new CosineSchedule();

    /// <summary>Fraction of the steps in which the learning rate rises linearly from zero.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.</value>
    public double WarmupFraction { get; init; }

    /// <summary>The factor on the learning rate at a step.</summary>
    /// <param name="step">Step, from 0.</param>
    /// <param name="stepCount">Steps in the whole run, at least 1.</param>
    /// <returns>A number from 0 to 1.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A step or <see cref="WarmupFraction"/> is out of range.</exception>
    public double Factor(int step, int stepCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfLessThan(stepCount, 1);
        Validate();
        return FactorAt(step, stepCount);
    }

    /// <summary>The factor at a place between steps.</summary>
    /// <param name="step">Steps until there, from 0.</param>
    /// <param name="stepCount">Steps in the whole run, at least 1.</param>
    /// <returns>A number from 0 to 1; that of <see cref="Factor"/> for whole steps.</returns>
    internal double FactorAt(double step, long stepCount)
    {
        var warmup = (long)Math.Round(WarmupFraction * stepCount, MidpointRounding.AwayFromZero);
        return step < warmup
            ? Math.Min(1, (step + 1) / warmup)
            : Shape(Math.Min(1, (step - warmup) / Math.Max(1, stepCount - warmup)));
    }

    internal void Validate() => SettingCheck.Require(
        WarmupFraction is >= 0 and < 1, nameof(WarmupFraction), WarmupFraction, "Use a number from 0 up to, but not including, 1.");

    private protected abstract double Shape(double progress);

    private sealed record ConstantSchedule : LearningRateSchedule
    {
        private protected override double Shape(double progress) => 1;
    }

    private sealed record LinearSchedule : LearningRateSchedule
    {
        private protected override double Shape(double progress) => 1 - progress;
    }

    private sealed record CosineSchedule : LearningRateSchedule
    {
        private protected override double Shape(double progress) => (1 + Math.Cos(Math.PI * progress)) / 2;
    }
}
