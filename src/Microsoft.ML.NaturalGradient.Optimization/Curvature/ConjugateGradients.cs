using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Solves (F + λI) x = g for a positive semi-definite F that is known by its products only.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, algorithm 5, which starts at x = 0: α = r·r/(vᵀFv + λv·v), x ← x + αv, r ← r − α(Fv + λv),
/// v ← r + (r'·r'/r·r) v. Vectors keep their type, scalars are float64. One product an iteration; memory 4P.
/// </remarks>
/// <param name="product">Computes F v, in the current dispose scope.</param>
internal sealed class ConjugateGradients(Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> product)
{
    /// <summary>Iterations after which the search ends.</summary>
    public int MostIterations { get; init; } = 50;

    /// <summary>Length of the residual relative to g at which the search ends; at least the spacing of numbers in the vectors' type.</summary>
    public double Tolerance { get; init; } = 1e-3;

    /// <summary>Solves the system.</summary>
    /// <param name="right">g, in parts; not modified.</param>
    /// <param name="relativeDamping">λ ÷ (gᵀFg/g·g), zero or greater; with a λ that would be below 1E-30, x is g itself.</param>
    /// <returns>x, shaped like g, and the iterations taken; the tensors are owned by the caller.</returns>
    public (Tensor[] Solution, int Iterations) Solve(IReadOnlyList<Tensor> right, double relativeDamping)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var solution = right.Select(part => zeros_like(part)).ToArray();
        var residual = right.Select(part => part.clone()).ToArray();
        var search = right.Select(part => part.clone()).ToArray();
        var squared = Dot(residual, residual);
        // A residual of rounding errors only would lead anywhere.
        var tolerance = Math.Max(Tolerance, right[0].dtype == ScalarType.Float64 ? Math.BitIncrement(1.0) - 1 : MathF.BitIncrement(1f) - 1);
        var goal = tolerance * tolerance * squared;
        var (damping, iteration) = (0.0, 0);
        while (iteration < MostIterations && squared > goal)
        {
            using var iterationScope = NewDisposeScope();
            var image = product(search); // F v
            var (curvature, length) = (Dot(search, image), Dot(search, search));
            if (!(curvature > 0))
            {
                break; // rounding: F has no negative directions
            }

            damping = iteration == 0 ? relativeDamping * curvature / length : damping;
            if (relativeDamping > 0 && damping < SingleRange.SmallestDamping)
            {
                Add(solution, right, 1);
                break;
            }

            var step = squared / (curvature + (damping * length));
            if (!float.IsFinite((float)step))
            {
                break;
            }

            var before = squared;
            Add(solution, search, step);
            Add(residual, image, -step);
            Add(residual, search, -step * damping);
            squared = Dot(residual, residual);
            foreach (var (part, rest) in search.Zip(residual))
            {
                part.ScaleInPlace(squared / before);
                part.AddInPlace(rest);
            }

            iteration++;
        }

        return ([.. solution.Select(part => part.MoveToOuterDisposeScope())], iteration);
    }

    private static double Dot(IReadOnlyList<Tensor> a, IReadOnlyList<Tensor> b) =>
        a.Zip(b, (left, right) => left.Inner(right)).Sum();

    private static void Add(Tensor[] target, IReadOnlyList<Tensor> change, double factor)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i].AddInPlace(change[i], factor);
        }
    }
}
