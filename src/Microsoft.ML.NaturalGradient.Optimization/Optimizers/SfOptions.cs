using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Sampled Fisher (SF) natural gradient: the Fisher is estimated from labels drawn from the model.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, App. E. Each draw costs one more backward pass. As in the paper the update has unit length, so the
/// learning rate is the length of a step in parameter space: 0.1 for LoRA (docs/replication.md, E2).
/// </remarks>
public sealed record SfOptions : NaturalGradientOptions
{
    /// <summary>Creates the default settings: one draw, learning rate 0.1, unit-length updates, linear decay, relative damping 0.01.</summary>
    public SfOptions()
    {
        Damping = 1e-2;
        NormalizeUpdate = true;
    }

    /// <summary>Labels K drawn for every sample.</summary>
    /// <value>From 1 to 64. The default is 1.</value>
    public int Samples { get; init; } = 1;

    /// <summary>Whether <see cref="NaturalGradientOptions.Damping"/> is the paper's absolute λ.</summary>
    /// <value>The default is <see langword="false"/>: relative to the mean diagonal of the drawn gradients' Gram matrix.</value>
    public bool AbsoluteDamping { get; init; }

    /// <inheritdoc/>
    internal override bool IsDamped => !AbsoluteDamping && base.IsDamped;

    internal override string Name => "SF";

    internal override void Validate()
    {
        base.Validate();
        Check(Damping > 0, nameof(Damping), Damping, "The sampled Fisher needs a positive damping, for example 1E-2.");
        Check(Samples is >= 1 and <= 64, nameof(Samples), Samples, "Use 1 to 64 draws.");
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) =>
        new SampledFisher(parameters, this, seed);

    private protected override double FixedLearningRate(int classCount) => 0.1;
}
