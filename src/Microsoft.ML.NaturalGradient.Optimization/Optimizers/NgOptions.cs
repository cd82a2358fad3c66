using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Exact natural gradient (NG) of each batch, by a Gram system with one row for each sample and class; for few classes.</summary>
/// <remarks>
/// d = (F + λI)⁻¹ g with the exact Fisher matrix F of the batch. The yardstick of the other methods; each step takes one backward pass for
/// each class. Where there are many classes use <see cref="HessianFreeOptions"/>.
/// </remarks>
public sealed record NgOptions : NaturalGradientOptions
{
    /// <summary>Creates the default settings: learning rate 0.2, linear decay, relative damping 0.01.</summary>
    public NgOptions()
    {
        Damping = 1e-2;
    }

    internal override string Name => "NG";

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new ExactNaturalGradient(parameters, this);

    private protected override double FixedLearningRate(int classCount) => 0.2;
}
