using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Finds the linear map of fixed vectors that has the least mean loss, with a penalty λ/2 ‖W‖² on its weights but not on its biases.</summary>
/// <remarks>
/// Newton's method in float64: the loss is convex in the map, so there is one minimum, and H of the objective gives exact products with the Hessian, from which conjugate gradients make each
/// step (Nocedal and Wright, "Numerical Optimization", 2006, algorithms 7.1 and 5.3). Vectors are centred, which the biases make up for, and turned to their principal axes: there the Hessian is nearly
/// diagonal, h_c σ_d² + λ for output c and axis d, with h the mean curvature of the loss and σ² the variance of the vectors, which conditions the conjugate gradients. That is logistic regression for softmax
/// cross-entropy, with scikit-learn's C = 1/(N λ), and ridge regression for the squared error.
/// </remarks>
internal sealed class LinearHeadSolver : IDisposable
{
    /// <summary>The usual bound on the gradient at the minimum, as a part of that of the zero map.</summary>
    public const double ExactTolerance = 1e-8;

    private const double LeastCurvature = 1e-3; // as a part of the mean over the outputs
    private const int MostSteps = 100;
    private const int MostProducts = 500; // with the Hessian, for one step
    private const int MostHalvings = 40;
    private const double Decrease = 1e-4; // Armijo's condition

    private readonly IObjective _objective;
    private readonly Action? _checkAlive;
    private readonly Tensor _mean; // [D]
    private readonly Tensor _axes; // [D, D]
    private readonly Tensor _variances; // [D + 1], that of the column of ones is 1
    private readonly Tensor _features; // [N, D + 1], centred, along the axes, with a column of ones
    private readonly Tensor _labels; // [N] or [N, L]
    private readonly Tensor _shares; // [N, 1], how often each row counts as a part of all
    private readonly Tensor _penalised; // [D + 1], 0 for the biases

    /// <summary>Takes the rows.</summary>
    /// <param name="objective">The loss of a row, convex in its outputs.</param>
    /// <param name="features">Vectors, [N, D]; not modified.</param>
    /// <param name="labels">Labels, [N] or [N, L]; not modified.</param>
    /// <param name="weights">How often each row counts, [N]; null for one each.</param>
    /// <param name="checkAlive">Called in every step; throws to stop.</param>
    public LinearHeadSolver(IObjective objective, Tensor features, Tensor labels, Tensor? weights = null, Action? checkAlive = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        (_objective, _checkAlive) = (objective, checkAlive);
        var typed = features.to(ScalarType.Float64);
        _shares = Shares(weights, typed).DetachFromDisposeScope();
        _mean = typed.mul(_shares).sum(0L).DetachFromDisposeScope();
        var centred = typed.Minus(_mean);
        var (variances, axes) = linalg.eigh(centred.t().mm(centred.mul(_shares)));
        _axes = axes.DetachFromDisposeScope();
        _variances = cat([variances, ones_like(variances.narrow(0, 0, 1))]).DetachFromDisposeScope();
        _features = cat([centred.mm(axes), ones_like(typed.narrow(1, 0, 1))], 1).DetachFromDisposeScope();
        _labels = labels.alias().DetachFromDisposeScope();
        _penalised = cat([ones_like(_mean), zeros_like(_mean.narrow(0, 0, 1))]).DetachFromDisposeScope();
    }

    /// <summary>Finds the minimum.</summary>
    /// <param name="outputs">Outputs C of the map.</param>
    /// <param name="l2">The penalty λ, greater than zero.</param>
    /// <param name="start">What <see cref="Solve"/> gave for another penalty, which saves steps; null for zeros.</param>
    /// <param name="tolerance">Bound on the gradient, as a part of that of the zero map.</param>
    /// <returns>The map of centred vectors along their axes, with its biases in the last column, [C, D + 1], float64; in the caller's dispose scope.</returns>
    public Tensor Solve(long outputs, double l2, Tensor? start = null, double tolerance = ExactTolerance)
    {
        using var noGrad = no_grad();
        var zero = zeros([outputs, _features.shape[1]], ScalarType.Float64, _features.device);
        var map = start is null ? zero.clone() : start.clone();
        var bound = tolerance * Norm(Gradient(zero, l2));
        zero.Dispose();
        for (var step = 0; step < MostSteps; step++)
        {
            using var scope = NewDisposeScope();
            _checkAlive?.Invoke();
            var gradient = Gradient(map, l2);
            var norm = Norm(gradient);
            if (norm <= bound || LineSearch(map, l2, gradient, Direction(map, l2, gradient, norm)) is not { } next)
            {
                break;
            }

            map.Dispose();
            map = next.MoveToOuterDisposeScope();
        }

        return map;
    }

    /// <summary>Turns such a map into one of vectors as they are.</summary>
    /// <param name="map">What <see cref="Solve"/> gave.</param>
    /// <returns>Weights, [C, D], and biases, [C], float64; in the caller's dispose scope.</returns>
    public (Tensor Weight, Tensor Bias) Uncentred(Tensor map)
    {
        var weight = map.narrow(1, 0, map.shape[1] - 1).mm(_axes.t());
        return (weight, map.select(1, -1).Minus(weight.mv(_mean)));
    }

    /// <summary>The mean loss of other rows, without the penalty.</summary>
    /// <param name="map">What <see cref="Solve"/> gave.</param>
    /// <param name="features">Vectors, [M, D].</param>
    /// <param name="labels">Labels, [M] or [M, L].</param>
    /// <param name="weights">How often each counts, [M]; null for one each.</param>
    public double LossOf(Tensor map, Tensor features, Tensor labels, Tensor? weights = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (weight, bias) = Uncentred(map);
        return _objective.Losses(features.to(ScalarType.Float64).mm(weight.t()).Plus(bias), labels).dot(Shares(weights, features).squeeze(1)).item<double>();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean.Dispose();
        _axes.Dispose();
        _variances.Dispose();
        _features.Dispose();
        _labels.Dispose();
        _shares.Dispose();
        _penalised.Dispose();
    }

    private Tensor Outputs(Tensor map) => _features.mm(map.t()); // [N, C]

    private double Loss(Tensor map, double l2)
    {
        using var scope = NewDisposeScope();
        return _objective.Losses(Outputs(map), _labels).dot(_shares.squeeze(1)).item<double>() + (l2 / 2 * map.mul(_penalised).Square().sum().item<double>());
    }

    private Tensor Gradient(Tensor map, double l2) =>
        Sum(_objective.LogitGradients(Outputs(map), _labels), map, l2);

    private Tensor Sum(Tensor ofOutputs, Tensor map, double l2) =>
        ofOutputs.mul(_shares).t().mm(_features).Plus(map.mul(_penalised).Times(l2)); // [C, D + 1]

    // The Newton step, as exactly as is worth while so far from the minimum.
    private Tensor Direction(Tensor map, double l2, Tensor gradient, double norm)
    {
        var outputs = Outputs(map);
        var direction = zeros_like(gradient);
        var condition = Curvature(outputs).unsqueeze(1).mul(_variances).Plus(_penalised.Times(l2)); // [C, D + 1]
        var (residual, search) = (gradient.clone(), gradient.div(condition).neg());
        var squared = -gradient.mul(search).sum().item<double>(); // in the metric of the condition
        var enough = Math.Min(0.1, Math.Sqrt(norm)) * norm;
        for (var (product, left) = (0, norm); product < MostProducts && left > enough; product++)
        {
            using var scope = NewDisposeScope();
            _checkAlive?.Invoke();
            var image = Sum(_objective.TimesHessian(outputs, _labels, Outputs(search)), search, l2);
            var curvature = search.mul(image).sum().item<double>();
            if (curvature <= 0)
            {
                break; // rounding: H is not negative
            }

            var length = squared / curvature;
            direction.AddInPlace(search, length);
            residual.AddInPlace(image, length);
            var conditioned = residual.div(condition);
            var next = residual.mul(conditioned).sum().item<double>();
            search.ScaleInPlace(next / squared);
            search.AddInPlace(conditioned, -1);
            (squared, left) = (next, Norm(residual));
        }

        return direction;
    }

    // The mean of each output's second derivative, from products with random signs, other ones for each row: what other outputs add to them has mean 0.
    private Tensor Curvature(Tensor outputs)
    {
        using var generator = new Generator(2, CPU);
        var signs = randn(outputs.shape, dtype: ScalarType.Float64, device: CPU, generator: generator).sign().to(outputs.device); // [N, C]
        var means = signs.mul(_objective.TimesHessian(outputs, _labels, signs)).mul(_shares).sum(0L); // [C]
        return means.maximum(means.abs().mean().Times(LeastCurvature).AtLeast(1e-12));
    }

    // Null where rounding leaves nothing to gain.
    private Tensor? LineSearch(Tensor map, double l2, Tensor gradient, Tensor direction)
    {
        var (loss, slope) = (Loss(map, l2), gradient.mul(direction).sum().item<double>());
        for (var (length, halving) = (1.0, 0); halving < MostHalvings && slope < 0; length /= 2, halving++)
        {
            var next = map.Plus(direction.Times(length));
            if (Loss(next, l2) <= loss + (Decrease * length * slope))
            {
                return next;
            }
        }

        return null;
    }

    private static Tensor Shares(Tensor? weights, Tensor rows)
    {
        var counts = weights?.to(ScalarType.Float64).to(rows.device) ?? ones(rows.shape[0], ScalarType.Float64, rows.device);
        return counts.div(counts.sum()).unsqueeze(1); // [N, 1]
    }

    private static double Norm(Tensor a) => a.norm().item<double>();
}
