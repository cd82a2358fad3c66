using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Exact natural gradient of each batch by conjugate gradients ("Hessian-free"): any number of classes, any kind of layer.</summary>
/// <remarks>
/// d ≈ (F + λI)⁻¹ g with the exact Fisher matrix F of the batch, known by its products only. Martens, "Deep learning via Hessian-free
/// optimization", ICML 2010; Wu et al., NeurIPS 2024, algorithm 5. Each iteration costs two forward passes and a backward pass.
/// </remarks>
public sealed record HessianFreeOptions : NaturalGradientOptions
{
    /// <summary>Creates the default settings: learning rate 0.2, linear decay, damping 0.01, at most 50 iterations.</summary>
    public HessianFreeOptions()
    {
        Damping = 1e-2;
    }

    /// <summary>Iterations after which the search for the direction ends.</summary>
    /// <value>At least 1. The default is 50.</value>
    public int MostIterations { get; init; } = 50;

    /// <summary>Length of the residual relative to the gradient at which the search ends.</summary>
    /// <value>Zero or greater, less than 1. The default is 1E-3.</value>
    public double Tolerance { get; init; } = 1e-3;

    internal override string Name => "NG-CG";

    internal override void Validate()
    {
        base.Validate();
        Check(MostIterations >= 1, nameof(MostIterations), MostIterations, "Use at least 1, for example 50.");
        Check(Tolerance is >= 0 and < 1, nameof(Tolerance), Tolerance, "Use a number from 0 up to, but not including, 1, for example 1E-3.");
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new HessianFree(parameters, this);

    private protected override double FixedLearningRate(int classCount) => 0.2;
}
