using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>eKFAC: G = Σ_n e eᵀ with the errors of the true labels, which the gradient needs anyway.</summary>
/// <remarks>Wu et al., NeurIPS 2024, App. D.1. It shares EF's fault: nearly converged samples count too little in the curvature.</remarks>
internal sealed class EmpiricalKfac(IReadOnlyList<Parameter> parameters, EkfacOptions options) : KroneckerOptimizer(parameters, options)
{
    private protected override Dictionary<IntPtr, Tensor> Observe(BatchEvaluation batch, Action<CapturedGradients> observe)
    {
        using var captured = batch.Capture(batch.Weights.TimesRoots(batch.LogitGradients));
        CheckCoverage(captured);
        observe(captured);
        return captured.Combine(batch.Weights.Roots.Times(1.0 / batch.Weights.Sum));
    }
}
