using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>The choice of an optimizer and its settings; start from a member of <see cref="Optimizers"/> and change it with <c>with</c>.</summary>
public abstract record OptimizerOptions
{
    private protected OptimizerOptions()
    {
    }

    /// <summary>Largest learning rate η of the run; the schedule scales it.</summary>
    /// <value>Greater than zero. <see langword="null"/> (the default) takes the method's own default; the value used is logged.</value>
    public double? LearningRate { get; init; }

    /// <summary>How the learning rate changes during the run.</summary>
    /// <value>The default is a linear decay to zero; AdamW adds a warm-up of 6 % of the steps.</value>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Linear;

    /// <summary>Name of the method for logs and tables.</summary>
    internal abstract string Name { get; }

    /// <summary>The learning rate to use: the one set, or the method's default.</summary>
    /// <param name="classCount">Number of classes C.</param>
    /// <returns>The largest learning rate of the run.</returns>
    internal double ResolveLearningRate(int classCount) => LearningRate ?? DefaultLearningRate(classCount);

    /// <summary>Throws when a setting is outside its legal range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    internal virtual void Validate()
    {
        if (LearningRate is { } rate)
        {
            Check(rate > 0 && double.IsFinite(rate), nameof(LearningRate), rate, "Use a positive number, or null for the method's default.");
        }

        ArgumentNullException.ThrowIfNull(Schedule);
        Schedule.Validate();
    }

    /// <summary>Creates the optimizer.</summary>
    /// <param name="parameters">The parameters to train.</param>
    /// <param name="seed">Seed of the optimizer's own randomness.</param>
    /// <returns>The optimizer; the caller disposes it.</returns>
    internal abstract Optimizer Create(IReadOnlyList<Parameter> parameters, long seed);

    private protected abstract double DefaultLearningRate(int classCount);

    private protected static void Check(bool legal, string name, double value, string advice)
    {
        if (!legal)
        {
            throw new ArgumentOutOfRangeException(name, FormattableString.Invariant($"{name} is {value}. {advice}"));
        }
    }
}
