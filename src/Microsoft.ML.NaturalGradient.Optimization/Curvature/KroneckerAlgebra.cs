using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Solves with a damped Kronecker product A ⊗ G, which acts on a matrix D [O, I] as G D A.</summary>
internal static class KroneckerAlgebra
{
    /// <summary>The trace of a square matrix.</summary>
    public static double Trace(Tensor matrix) => matrix.diagonal().sum().to(ScalarType.Float64).item<double>();

    /// <summary>Inverts the factors of (A + π√λ I) ⊗ (G + √λ/π I).</summary>
    /// <remarks>π² = (tr A / dim A) / (tr G / dim G), 1 where one of them is zero. Martens and Grosse, ICML 2015, section 6.3. Cost I³ + O³.</remarks>
    /// <param name="input">A, [I, I], positive semidefinite; not modified.</param>
    /// <param name="error">G, [O, O], positive semidefinite; not modified.</param>
    /// <param name="damping">λ, greater than zero.</param>
    /// <returns>Both inverses; in the caller's dispose scope.</returns>
    /// <exception cref="InvalidOperationException">A factor is not finite.</exception>
    public static (Tensor Input, Tensor Error) FactoredInverse(Tensor input, Tensor error, double damping)
    {
        var ratio = Trace(input) / input.shape[0] / (Trace(error) / error.shape[0]);
        var pi = ratio > 0 && double.IsFinite(ratio) ? Math.Sqrt(ratio) : 1;
        var root = Math.Sqrt(damping);
        return (Inverse(input, pi * root), Inverse(error, root / pi));
    }

    /// <summary>Solves G X A + λX = D in the eigenbases of A and G.</summary>
    /// <param name="right">D, [O, I]; not modified.</param>
    /// <param name="input">Eigenvalues and eigenvectors of A.</param>
    /// <param name="error">Eigenvalues and eigenvectors of G.</param>
    /// <param name="damping">λ, greater than zero.</param>
    /// <returns>X, [O, I]; in the caller's dispose scope.</returns>
    public static Tensor Solve(Tensor right, (Tensor Values, Tensor Vectors) input, (Tensor Values, Tensor Vectors) error, double damping)
    {
        // Rounding may leave eigenvalues slightly below zero.
        var products = error.Values.relu().unsqueeze(1).mul(input.Values.relu().unsqueeze(0)).Plus(damping); // [O, I]
        var rotated = error.Vectors.t().mm(right).mm(input.Vectors).div(products);
        return error.Vectors.mm(rotated).mm(input.Vectors.t());
    }

    private static Tensor Inverse(Tensor matrix, double damping)
    {
        var damped = matrix.Plus(eye(matrix.shape[0], dtype: matrix.dtype, device: matrix.device).Times(damping));
        var (factor, info) = linalg.cholesky_ex(damped);
        return info.item<int>() == 0
            ? cholesky_inverse(factor)
            : throw new InvalidOperationException(FormattableString.Invariant(
                $"A Kronecker factor is not positive definite with {damping:G3} on its diagonal. Increase Damping, for example to 1, and check the data for extreme inputs."));
    }
}
