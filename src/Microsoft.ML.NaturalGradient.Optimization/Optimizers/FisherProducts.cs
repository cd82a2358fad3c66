using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Products with the exact Fisher matrix F = Σ_n c_n Jz_nᵀ H_n Jz_n of one evaluated batch, none of which forms F or Jz.</summary>
/// <remarks>
/// Jz_n = ∂z_n/∂θ, H_n the Hessian of the loss in the logits, c_n the row's weight: for softmax cross-entropy and squared error F is also the generalised
/// Gauss-Newton matrix of the summed loss. Dropout masks are drawn as in the batch's own pass.
/// </remarks>
/// <param name="batch">The evaluated batch.</param>
/// <param name="parameters">θ; moved a little and put back.</param>
internal sealed class FisherProducts(BatchEvaluation batch, IReadOnlyList<Parameter> parameters)
{
    private const double RelativeStep = 1e-4; // in float32 the best compromise of rounding and curvature
    private const double LargestRelativeNoise = 1e-3;

    /// <summary>Computes u = Jz d by a central difference: two forward passes.</summary>
    /// <remarks>
    /// u = (z(θ + εd) − z(θ − εd))/2ε with ε = 1E-4 ‖θ‖/‖d‖. The relative error of √(dᵀFd) is 1E-8 to 1E-6 in float64 and about
    /// 1E-4 in float32. θ is put back from copies, bit for bit, and the batch's graph stays usable. Products of rounded
    /// numbers are made of full ones meanwhile, which costs a third pass.
    /// </remarks>
    /// <param name="direction">d.</param>
    /// <returns>u, shaped like the logits, float64; owned by the caller.</returns>
    /// <exception cref="InvalidOperationException">The forward pass does not repeat itself, or a parameter has 16 bits.</exception>
    public Tensor LogitChange(ParameterVector direction)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        CheckPrecision();
        var logits = batch.Logits.detach().to(ScalarType.Float64);
        direction = batch.Coordinates is { } coordinates ? direction.Map((parameter, part) => part.In(coordinates, parameter)) : direction;
        var length = parameters.Select(parameter => direction[parameter]).Norm();
        var scale = parameters.Norm();
        var step = RelativeStep * (scale > 0 ? scale : 1) / length;
        if (length == 0 || (step > float.MaxValue && parameters.Any(parameter => parameter.dtype != ScalarType.Float64)))
        {
            return zeros_like(logits).MoveToOuterDisposeScope(); // or so short that no logit can tell
        }

        var weights = parameters.Select(Unwatched).ToList();
        var saved = weights.Select(weight => weight.clone()).ToList();
        try
        {
            using var exact = ExactProducts.Begin();
            var ahead = LogitsAt(weights, saved, direction, step);
            var behind = LogitsAt(weights, saved, direction, -step);
            if (exact.ReplaceOthers)
            {
                Restore(weights, saved);
                logits = batch.RepeatForward(); // of the same products
            }

            var difference = ahead.Minus(behind);
            CheckRepeatable(logits, ahead.Plus(behind).Minus(logits.Times(2)), difference);
            return difference.Times(0.5 / step).MoveToOuterDisposeScope();
        }
        finally
        {
            Restore(weights, saved);
        }
    }

    /// <summary>Computes u = Jz d to rounding: one backward pass for each logit of a sample, through the tape.</summary>
    /// <remarks>For tests and small numbers of classes; the graph is kept. No pass where the batch has <see cref="BatchEvaluation.Jacobian"/>.</remarks>
    /// <param name="direction">d.</param>
    /// <returns>u, shaped like the logits, float64; owned by the caller.</returns>
    public Tensor ExactLogitChange(ParameterVector direction)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        batch.Trained = parameters;
        var shape = batch.Logits.shape;
        if (batch.Jacobian is { } jacobian)
        {
            return stack(jacobian.Select(captured => captured.Dot(direction)), 1).view(shape).MoveToOuterDisposeScope();
        }

        var perSample = batch.Logits.numel() / shape[0];
        var changes = new List<Tensor>();
        for (var k = 0L; k < perSample; k++)
        {
            using var passScope = NewDisposeScope();
            var seeds = zeros(shape[0], perSample, dtype: ScalarType.Float64, device: batch.Logits.device);
            seeds.narrow(1, k, 1).AddInPlace(ones_like(seeds.narrow(1, k, 1)));
            using var captured = batch.PerSample(seeds.view(shape), keepGraph: true);
            changes.Add(captured.Dot(direction).MoveToOuterDisposeScope());
        }

        return stack(changes, 1).view(shape).MoveToOuterDisposeScope();
    }

    /// <summary>Computes d·g and dᵀFd by two forward passes.</summary>
    /// <remarks>With u = Jz d they are Σ_n c_n u_n·∂ℓ_n/∂z_n and Σ_n c_n u_nᵀ H_n u_n. Wu et al., NeurIPS 2024, algorithm 4.</remarks>
    /// <param name="direction">d.</param>
    /// <returns>Both numbers, for the summed loss.</returns>
    public DirectionalDerivatives Along(ParameterVector direction)
    {
        using var change = LogitChange(direction);
        return Derivatives(change);
    }

    /// <summary>The same as <see cref="Along"/> to rounding, at the cost of <see cref="ExactLogitChange"/>.</summary>
    /// <param name="direction">d.</param>
    /// <returns>Both numbers, for the summed loss.</returns>
    public DirectionalDerivatives ExactlyAlong(ParameterVector direction)
    {
        using var change = ExactLogitChange(direction);
        return Derivatives(change);
    }

    /// <summary>Computes F d: two forward passes and a backward pass; the graph is kept.</summary>
    /// <param name="direction">d.</param>
    /// <returns>F d in the order of the parameters; owned by the caller.</returns>
    public Tensor[] Times(ParameterVector direction)
    {
        using var scope = NewDisposeScope();
        var product = batch.PullBack(batch.TimesHessian(LogitChange(direction)), parameters, keepGraph: true);
        return [.. product.Select(part => part.MoveToOuterDisposeScope())];
    }

    private DirectionalDerivatives Derivatives(Tensor change)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return new DirectionalDerivatives(
            change.mul(batch.Weights.Times(batch.LogitGradients)).sum().item<double>(), change.mul(batch.TimesHessian(change)).sum().item<double>());
    }

    // A relative step that a number of 16 bits can take is so long that the difference is no derivative.
    private void CheckPrecision()
    {
        if (parameters.FirstOrDefault(parameter => parameter.dtype != parameter.WideType()) is { } narrow)
        {
            throw new InvalidOperationException(
                $"A trained parameter is of {narrow.dtype}, too coarse for the differences of forward passes that this method or measurement takes. "
                + $"Convert the network to {ScalarType.Float32}.");
        }
    }

    // The parameter's memory without its version counter: autograd would take a move for a change, although the values are put back
    // before the graph is used again.
    private static Tensor Unwatched(Parameter parameter) => empty(0, dtype: parameter.dtype, device: parameter.device).set_(parameter.detach());

    private Tensor LogitsAt(List<Tensor> weights, List<Tensor> saved, ParameterVector direction, double step)
    {
        Restore(weights, saved);
        foreach (var (weight, parameter) in weights.Zip(parameters))
        {
            weight.AddInPlace(direction[parameter].to(weight.dtype), step);
        }

        return batch.RepeatForward();
    }

    private static void Restore(List<Tensor> weights, List<Tensor> saved)
    {
        for (var i = 0; i < saved.Count; i++)
        {
            weights[i].copy_(saved[i]);
        }
    }

    // z(θ+εd) + z(θ−εd) − 2z(θ) is of second order in ε unless the passes differ in more than θ.
    private static void CheckRepeatable(Tensor logits, Tensor bend, Tensor difference)
    {
        var noise = bend.norm().item<double>();
        if (noise > difference.norm().item<double>() && noise > LargestRelativeNoise * logits.norm().item<double>())
        {
            throw new InvalidOperationException(
                "The forward pass gives other logits when it is repeated, so that derivatives by differences mean nothing. " +
                "Switch dropout off, or draw its masks from the model's own generator.");
        }
    }
}
