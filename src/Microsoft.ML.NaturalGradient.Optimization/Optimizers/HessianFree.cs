using Microsoft.ML.NaturalGradient.Curvature;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Exact natural gradient by conjugate gradients.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, algorithm 5, with F v from a central difference of forward passes (Jz v), the Hessian of the loss in the
/// logits, and one backward pass. λ is relative to the curvature along the gradient, gᵀFg/g·g, which the first iteration gives. State
/// none; while it works 7P.
/// </remarks>
internal sealed class HessianFree(IReadOnlyList<Parameter> parameters, HessianFreeOptions options) : NaturalGradientOptimizer(parameters, options)
{
    /// <inheritdoc/>
    internal override bool NeedsPerSampleGradients => false;

    private protected override (ParameterVector Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch, double? learningRate)
    {
        var products = new FisherProducts(batch, Parameters);
        var search = new ConjugateGradients(vector => products.Times(Keyed(vector)))
        {
            MostIterations = options.MostIterations,
            Tolerance = options.Tolerance,
        };
        var gradient = batch.PullBack(batch.Weights.Times(batch.LogitGradients), Parameters, keepGraph: true);
        var (solution, _) = search.Solve(gradient, options.Damping);
        return (Keyed(solution), StepDiagnostics.None);
    }

    private ParameterVector Keyed(IReadOnlyList<Tensor> parts) =>
        new ParameterVector(Parameters, parts);
}
