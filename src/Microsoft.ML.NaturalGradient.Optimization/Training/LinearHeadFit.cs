using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Solves a linear head with the penalty that does best on rows it was not solved on.</summary>
/// <param name="objective">The loss.</param>
/// <param name="outputs">Outputs C of the head.</param>
/// <param name="seed">Seed of the division into parts, where there are no validation rows.</param>
/// <param name="checkAlive">Called often; throws to stop.</param>
internal sealed class LinearHeadFit(IObjective objective, long outputs, int seed, Action? checkAlive = null)
{
    private const int Parts = 5;
    private const int ManyRows = 20_000; // of which a single part is held out
    private const int WorseInARow = 2;
    private const long LargeWork = 200_000_000; // multiplications of a product with the Hessian: 2 s for a penalty, a single part is held out as well
    private const double Tolerance = 1e-4; // enough to compare penalties

    /// <summary>The penalties λ that are tried, from strong to weak: 1 to 1E-6, two in each power of ten.</summary>
    public static IReadOnlyList<double> Penalties { get; } = [.. Enumerable.Range(0, 13).Select(i => Math.Pow(10, -i / 2.0))];

    /// <summary>Solves the head.</summary>
    /// <param name="training">The rows.</param>
    /// <param name="validation">Rows to choose the penalty by; null to hold out each fifth of the training rows in turn (one fifth where there are many rows or outputs).</param>
    /// <returns>Weights, [C, D], biases, [C], both float64 and owned by the caller, and the penalty.</returns>
    public (Tensor Weight, Tensor Bias, double L2) Solve(HeadRows training, HeadRows? validation = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var losses = new double[Penalties.Count];
        if (validation is not null)
        {
            AddLosses(losses, training, validation);
        }
        else if (training.Count > 1)
        {
            var isLarge = training.Count > ManyRows || training.Count * outputs * training.Vectors.shape[1] > LargeWork;
            foreach (var (inside, outside) in Divisions(training.Count, isLarge ? 1 : Parts, training.Labels.device))
            {
                AddLosses(losses, training.Of(inside), training.Of(outside));
            }
        }

        var best = Array.IndexOf(losses, losses.Min());
        using var solver = new LinearHeadSolver(objective, training.Vectors, training.Labels, training.Weights, checkAlive);
        var map = solver.Solve(outputs, Penalties[best], Path(solver).ElementAt(best));
        var (weight, bias) = solver.Uncentred(map);
        return (weight.clone().MoveToOuterDisposeScope(), bias.MoveToOuterDisposeScope(), Penalties[best]);
    }

    /// <summary>Solves the head with a given penalty.</summary>
    /// <param name="training">The rows.</param>
    /// <param name="l2">The penalty λ, greater than zero.</param>
    /// <returns>Weights, [C, D], biases, [C], both float64 and owned by the caller, and the penalty.</returns>
    public (Tensor Weight, Tensor Bias, double L2) Solve(HeadRows training, double l2)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var solver = new LinearHeadSolver(objective, training.Vectors, training.Labels, training.Weights, checkAlive);
        var (weight, bias) = solver.Uncentred(solver.Solve(outputs, l2));
        return (weight.clone().MoveToOuterDisposeScope(), bias.MoveToOuterDisposeScope(), l2);
    }

    private void AddLosses(double[] losses, HeadRows training, HeadRows others)
    {
        using var scope = NewDisposeScope();
        using var solver = new LinearHeadSolver(objective, training.Vectors, training.Labels, training.Weights, checkAlive);
        var (place, best, worse) = (0, double.PositiveInfinity, 0);
        foreach (var map in Path(solver))
        {
            var loss = solver.LossOf(map, others.Vectors, others.Labels, others.Weights);
            losses[place++] += loss * others.TotalWeight;
            worse = loss < best ? 0 : worse + 1;
            best = Math.Min(best, loss);
            if (worse == WorseInARow)
            {
                break; // weaker penalties fit noise
            }
        }

        for (; place < losses.Length; place++)
        {
            losses[place] = double.PositiveInfinity;
        }
    }

    // Each from where the one before ended.
    private IEnumerable<Tensor> Path(LinearHeadSolver solver)
    {
        Tensor? last = null;
        foreach (var l2 in Penalties)
        {
            last = solver.Solve(outputs, l2, last, Tolerance);
            yield return last;
        }
    }

    private IEnumerable<(Tensor Inside, Tensor Outside)> Divisions(long rows, int most, Device device)
    {
        var order = Enumerable.Range(0, (int)rows).ToArray();
        new Random(seed).Shuffle(order);
        var parts = (int)Math.Min(Parts, rows);
        foreach (var part in Enumerable.Range(0, Math.Min(most, parts)))
        {
            yield return (Indices(order.Where((_, i) => i % parts != part), device), Indices(order.Where((_, i) => i % parts == part), device));
        }
    }

    private static Tensor Indices(IEnumerable<int> rows, Device device) => tensor([.. rows.Order().Select(row => (long)row)], ScalarType.Int64, device);
}
