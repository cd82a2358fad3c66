using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Base of the settings of an optimizer of your own, which trainers and <c>CreateFor</c> take like any other.</summary>
/// <remarks>
/// A method is two types: a record derived from this one, with its settings, and an <see cref="UpdateRule"/> with its mathematics. Learning
/// rate, schedule, norm constraint and weight decay per step come with it.
/// </remarks>
public abstract record CustomOptimizerOptions : OptimizerOptions
{
    /// <summary>Name of the method for logs, tables and saved states; not empty.</summary>
    public abstract string MethodName { get; }

    internal sealed override string Name => MethodName;

    /// <summary>The learning rate that is used where none is set.</summary>
    /// <param name="classCount">Number of classes C; 1 for regression.</param>
    /// <returns>A positive number.</returns>
    protected abstract double MethodLearningRate(int classCount);

    /// <summary>Creates the rule of one run.</summary>
    /// <param name="parameters">The parameters θ to train, to be handed on to the rule; owned by their modules.</param>
    /// <param name="seed">Seed of the rule's own randomness, for a generator that the rule tracks.</param>
    /// <returns>A new rule, made for just these parameters; owned by the library.</returns>
    protected abstract UpdateRule CreateRule(IReadOnlyList<Parameter> parameters, long seed);

    /// <summary>Throws when a setting is out of its legal range; see <see cref="Require"/>.</summary>
    protected virtual void CheckSettings()
    {
    }

    /// <summary>Throws unless a setting is legal.</summary>
    /// <param name="legal">Whether it is.</param>
    /// <param name="name">Name of the setting.</param>
    /// <param name="value">Its value.</param>
    /// <param name="advice">What to do, as in "Use a positive number."</param>
    /// <exception cref="ArgumentOutOfRangeException">The setting is not legal.</exception>
    protected static void Require(bool legal, string name, double value, string advice) => Check(legal, name, value, advice);

    internal sealed override void Validate()
    {
        base.Validate();
        if (string.IsNullOrWhiteSpace(MethodName))
        {
            throw new ArgumentException($"{GetType().Name}.{nameof(MethodName)} is empty. Return a name for logs and saved states.");
        }

        CheckSettings();
    }

    /// <exception cref="InvalidOperationException">The rule is not one for these parameters.</exception>
    internal sealed override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => CreateChecked(ParameterSet.Of(parameters), seed);

    private UpdateRule CreateChecked(ParameterSet parameters, long seed)
    {
        using var scope = NewDisposeScope();
        var rule = CreateRule(parameters, seed) ?? throw new InvalidOperationException($"CreateRule of {MethodName} returned null. Return a new rule.");
        if (ReferenceEquals(rule.Set, parameters))
        {
            rule.Method = (MethodName, () => CreateChecked(parameters, seed));
            return rule;
        }

        rule.Dispose();
        throw new InvalidOperationException($"The rule of {MethodName} is for other parameters. Hand it those that CreateRule is given.");
    }

    private protected sealed override double DefaultLearningRate(int classCount)
    {
        var rate = MethodLearningRate(classCount);
        Check(SingleRange.IsPositive(rate), nameof(MethodLearningRate), rate, "Return a positive number.");
        return rate;
    }
}
