using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>eKFAC: Kronecker-factored blocks of the empirical Fisher matrix, whose errors are those of the true labels; for comparison with ieKFAC.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, App. D.1. Not the eigenvalue-corrected EKFAC of George et al., NeurIPS 2018.
/// The default learning rate 0.1 is ours: it was best, or close to it, for a small network with tanh on two synthetic tasks of 2 and 5 classes.
/// </remarks>
public sealed record EkfacOptions : KroneckerOptions
{
    internal override string Name => "eKFAC";

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new EmpiricalKfac(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 0.1;
}
