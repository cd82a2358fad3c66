using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>ieKFAC: G = Σ_n (1/s_n) Σ_t e eᵀ, from a backward pass that starts at logit gradients of unit length.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, App. D.1, eq. (43). The gradient is Σ_n √s_n ĝ_n from the same pass, so a step costs no more than eKFAC's. Samples
/// with s_n below 1E-30 count in neither.
/// </remarks>
internal sealed class ImprovedEmpiricalKfac(IReadOnlyList<Parameter> parameters, IekfacOptions options)
    : KroneckerOptimizer(parameters, options)
{
    private protected override (IReadOnlyList<Tensor> Seeds, Tensor? Weights) Sources(BatchEvaluation batch) => (
        [batch.Weights.TimesRoots(batch.UnitLogitGradients())],
        batch.Weights.TimesRoots(batch.SquaredNorms.sqrt()).Times(1.0 / batch.Weights.Sum));
}
