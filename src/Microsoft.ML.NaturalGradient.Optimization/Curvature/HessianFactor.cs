using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>The Hessian of each sample's loss in its logits as H_n = S_n S_nᵀ, with ∂ℓ_n/∂z_n = S_n c_n; owns both tensors.</summary>
internal sealed class HessianFactor : IDisposable
{
    /// <summary>Keeps a factorisation.</summary>
    /// <param name="columns">S by columns, [K, N, ...]; taken out of every dispose scope.</param>
    /// <param name="coefficients">c, [K, N]; taken out of every dispose scope.</param>
    public HessianFactor(Tensor columns, Tensor coefficients)
    {
        Columns = columns.DetachFromDisposeScope();
        Coefficients = coefficients.DetachFromDisposeScope();
    }

    /// <summary>S by columns, [K, N, shape of a sample's logits], float64: each one a set of cotangents for a backward pass.</summary>
    public Tensor Columns { get; }

    /// <summary>c, [K, N], float64.</summary>
    public Tensor Coefficients { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Columns.Dispose();
        Coefficients.Dispose();
    }
}
