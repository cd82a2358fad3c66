using System.IO.Enumeration;
using Microsoft.ML.NaturalGradient.Numerics;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Parameters that an optimizer trains with another learning rate or weight decay than the others.</summary>
/// <param name="Pattern">
/// Which they are: a name with <c>*</c> for any number of characters and <c>?</c> for one, in the case of the names, which are those of checkpoints, such as
/// <c>encoder.layer.0.attention.self.query.lora_B.weight</c>, or of a network's <c>named_parameters</c>; numbers from 0 for an optimizer of a list.
/// </param>
public sealed record ParameterGroup(string Pattern)
{
    /// <summary>What the learning rate is multiplied with: f.</summary>
    /// <remarks>
    /// A step, with its weight decay, is f times as long for these parameters. EF, iEF, SF, NG and NG-CG choose a step by what it does to the outputs; for them f is a change of
    /// coordinates θ = √f φ, in which they solve, so that the whole step still does what the learning rate says.
    /// </remarks>
    /// <value>Greater than zero. The default is 1.</value>
    public double RateFactor { get; init; } = 1;

    /// <summary>What weight decay is multiplied with.</summary>
    /// <value>Zero (no decay) or greater. <see langword="null"/> (the default) for 1, or for 0 where <see cref="OptimizerOptions.NoDecay"/> says so.</value>
    public double? DecayFactor { get; init; }

    /// <summary>LoRA+: the matrices B of LoRA learn faster than the matrices A.</summary>
    /// <remarks>Hayou, Ghosh and Yu, "LoRA+: Efficient Low Rank Adaptation of Large Models", ICML 2024, who propose a ratio of about 16 with a smaller learning rate.</remarks>
    /// <param name="ratio">Learning rate of B over that of all else; greater than zero.</param>
    /// <returns>The group.</returns>
    public static ParameterGroup LoraPlus(double ratio = 16) => new("*lora_B*") { RateFactor = ratio };

    internal bool Matches(string name) => FileSystemName.MatchesSimpleExpression(Pattern, name, ignoreCase: false);

    internal void Validate()
    {
        if (string.IsNullOrWhiteSpace(Pattern))
        {
            throw new ArgumentException($"{nameof(ParameterGroup)}.{nameof(Pattern)} is empty. Give a name, or a pattern such as '*lora_B*'.");
        }

        SingleRange.Require(SingleRange.IsPositive(RateFactor), nameof(RateFactor), RateFactor, "Use a positive number.", $"{nameof(ParameterGroup)}.");
        if (DecayFactor is { } decay)
        {
            SingleRange.Require(SingleRange.IsNotNegative(decay), nameof(DecayFactor), decay, "Use zero or a positive number.", $"{nameof(ParameterGroup)}.");
        }
    }
}
