using Microsoft.ML.NaturalGradient.Numerics;
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
    /// <value>The default is a linear decay to zero; iEF adds a warm-up of a quarter of the steps, AdamW and FAdam one of 6 %, Adafactor and AdamQLR keep the rate constant.</value>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Linear;

    /// <summary>Fraction of the trainable weights removed after each step, not multiplied by the learning rate.</summary>
    /// <remarks>θ ← (1 − κ) θ, but for what <see cref="NoDecay"/> and <see cref="Groups"/> except. It comes on top of a method's own weight decay, which its learning rate scales.</remarks>
    /// <value>From 0 up to, but not including, 1. The default is 0; 1E-5 corresponds to AdamW with learning rate 1E-3 and decay 1E-2.</value>
    public double WeightDecayPerStep { get; init; }

    /// <summary>Parameters that learn or decay in another way than the others; a parameter belongs to the first group whose pattern its name matches.</summary>
    /// <value>Empty by default. For example <c>[ParameterGroup.LoraPlus()]</c>.</value>
    public ParameterGroups Groups { get; init; } = [];

    /// <summary>What weight decay, the method's own and <see cref="WeightDecayPerStep"/>, leaves alone unless <see cref="Groups"/> say otherwise.</summary>
    /// <value>The default is <see cref="NoDecay.BiasesAndNorms"/>.</value>
    public NoDecay NoDecay { get; init; } = NoDecay.BiasesAndNorms;

    /// <summary>Largest squared length c of a step over all parameters; a longer step Δθ is shortened.</summary>
    /// <remarks>
    /// Δθ ← Δθ · min(1, √(c/‖Δθ‖²)), after the method's own weight decay and before <see cref="WeightDecayPerStep"/>; a method's momentum
    /// keeps the step that was not shortened. Goldshlager et al., "A Kaczmarz-inspired approach to accelerate the optimization of neural
    /// network wavefunctions", 2024 (SPRING), which uses 1E-3. Costs a copy of the parameters.
    /// </remarks>
    /// <value>Greater than zero, or <see langword="null"/> (the default) for no limit.</value>
    public double? NormConstraint { get; init; }

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
            Check(SingleRange.IsPositive(rate), nameof(LearningRate), rate, "Use a positive number, or null for the method's default.");
        }

        Check(
            WeightDecayPerStep is >= 0 and < 1, nameof(WeightDecayPerStep), WeightDecayPerStep, "Use a number from 0 up to, but not including, 1, for example 1E-5.");
        if (NormConstraint is { } constraint)
        {
            Check(SingleRange.IsPositive(constraint), nameof(NormConstraint), constraint, "Use a positive number, or null for no limit.");
        }

        Check(Enum.IsDefined(NoDecay), nameof(NoDecay), (double)NoDecay, "Use a member of NoDecay.");
        ArgumentNullException.ThrowIfNull(Groups);
        foreach (var group in Groups)
        {
            ArgumentNullException.ThrowIfNull(group);
            group.Validate();
            Check(
                WeightDecayPerStep * (group.DecayFactor ?? 1) < 1, nameof(WeightDecayPerStep), WeightDecayPerStep,
                $"Times the {nameof(ParameterGroup.DecayFactor)} of the group '{group.Pattern}' it has to stay below 1.");
        }

        ArgumentNullException.ThrowIfNull(Schedule);
        Schedule.Validate();
    }

    /// <summary>Creates the optimizer with the settings that all methods share.</summary>
    /// <inheritdoc cref="Create"/>
    /// <exception cref="ArgumentException">A group has no parameters.</exception>
    internal Optimizer Build(IReadOnlyList<Parameter> parameters, long seed)
    {
        var optimizer = Create(ParameterSet.Of(parameters).Divide(Groups, NoDecay), seed);
        optimizer.WeightDecayPerStep = WeightDecayPerStep;
        optimizer.NormConstraint = NormConstraint;
        return optimizer;
    }

    /// <summary>Creates the bare method, without the settings of this record that <see cref="Build"/> adds.</summary>
    /// <param name="parameters">The parameters to train.</param>
    /// <param name="seed">Seed of the optimizer's own randomness.</param>
    /// <returns>The optimizer; the caller disposes it.</returns>
    internal abstract Optimizer Create(IReadOnlyList<Parameter> parameters, long seed);

    private protected abstract double DefaultLearningRate(int classCount);

    private protected static void Check(bool legal, string name, double value, string advice) =>
        SingleRange.Require(legal, name, value, advice);
}
