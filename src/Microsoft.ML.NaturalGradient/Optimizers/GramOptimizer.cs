using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Base of the methods that weight per-sample gradients by the solution of a Gram system: d = Σ_n w_n g_n.</summary>
internal abstract class GramOptimizer : Optimizer
{
    private const double NormFloor = 1e-12;

    private protected GramOptimizer(IReadOnlyList<Parameter> parameters, bool normalizeUpdate)
        : base(parameters)
    {
        NormalizeUpdate = normalizeUpdate;
    }

    /// <inheritdoc/>
    public override bool NeedsPerSampleGradients => true;

    private bool NormalizeUpdate { get; }

    /// <summary>θ ← θ − η·d, with d scaled to unit norm when the options ask for it.</summary>
    private protected void Move(IReadOnlyDictionary<IntPtr, Tensor> direction, double learningRate)
    {
        using var noGrad = no_grad();
        var step = learningRate;
        if (NormalizeUpdate)
        {
            var squares = Parameters.Sum(parameter => direction[parameter.Handle].to(ScalarType.Float64).square().sum().item<double>());
            step /= Math.Sqrt(squares) + NormFloor;
        }

        foreach (var parameter in Parameters)
        {
            parameter.AddInPlace(direction[parameter.Handle], -step);
        }
    }

    /// <summary>The spread of per-sample gradient norms and the health of the solve.</summary>
    /// <param name="squaredNorms">‖g_n‖², [N], float64.</param>
    /// <param name="solution">The solved system.</param>
    private protected static StepDiagnostics Diagnose(Tensor squaredNorms, GramSolution solution) => new()
    {
        SmallestGradientNorm = Math.Sqrt(Math.Max(0, squaredNorms.min().item<double>())),
        LargestGradientNorm = Math.Sqrt(Math.Max(0, squaredNorms.max().item<double>())),
        Condition = solution.Condition,
        DeadRows = solution.DeadRows,
        DampingRaised = solution.DampingRaised,
    };
}
