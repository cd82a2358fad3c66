using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>eKFAC: G = Σ_n e eᵀ with the errors of the true labels, which the gradient needs anyway.</summary>
/// <remarks>Wu et al., NeurIPS 2024, App. D.1. It shares EF's fault: nearly converged samples count too little in the curvature.</remarks>
internal sealed class EmpiricalKfac(IReadOnlyList<Parameter> parameters, EkfacOptions options) : KroneckerOptimizer(parameters, options)
{
    private protected override (IReadOnlyList<Tensor> Seeds, Tensor? Weights) Sources(BatchEvaluation batch) =>
        ([batch.Weights.TimesRoots(batch.LogitGradients)], batch.Weights.Roots.Times(1.0 / batch.Weights.Sum));
}
