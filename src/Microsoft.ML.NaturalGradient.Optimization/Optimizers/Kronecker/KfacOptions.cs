using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>KFAC: Kronecker-factored blocks of the Fisher matrix, with labels drawn from the model or all labels weighted.</summary>
/// <remarks>
/// Martens and Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate Curvature", ICML 2015. Each draw costs one more
/// backward pass; <see cref="ExactLabels"/> one for every class and label position.
/// The default learning rate 0.1 is ours: it was best, or close to it, for a small network with tanh on two synthetic tasks of 2 and 5 classes.
/// </remarks>
public sealed record KfacOptions : KroneckerOptions
{
    /// <summary>Labels K drawn for every sample.</summary>
    /// <value>From 1 to 64. The default is 1. Not used with <see cref="ExactLabels"/>.</value>
    public int Samples { get; init; } = 1;

    /// <summary>Whether the expectation over labels is computed instead of sampled; for few classes.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool ExactLabels { get; init; }

    internal override string Name => "KFAC";

    internal override void Validate()
    {
        base.Validate();
        Check(Samples is >= 1 and <= 64, nameof(Samples), Samples, "Use 1 to 64 draws.");
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new Kfac(parameters, this, seed);

    private protected override double DefaultLearningRate(int classCount) => 0.1;
}
