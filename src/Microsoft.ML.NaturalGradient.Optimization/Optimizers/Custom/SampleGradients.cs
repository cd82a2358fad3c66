using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Per-sample gradients J [N, P] of one batch, which are never formed as a whole where layers record them.</summary>
/// <remarks>Made and owned by a <see cref="StepContext"/>, and valid as long as it. What the methods return is disposed after the step.</remarks>
public sealed class SampleGradients
{
    private readonly StepContext _step;
    private readonly IPerSampleGradients _captured;

    internal SampleGradients(StepContext step, IPerSampleGradients captured)
    {
        _step = step;
        _captured = captured;
    }

    /// <summary>Samples N.</summary>
    public long SampleCount => _captured.SampleCount;

    /// <summary>Computes the inner products J Jᵀ of all rows; the diagonal holds their squared norms. Cost O(N²P).</summary>
    /// <returns>[N, N], float64.</returns>
    public Tensor Gram()
    {
        _step.ThrowIfEnded();
        return _captured.Gram();
    }

    /// <summary>Computes the weighted sum of rows Jᵀ w.</summary>
    /// <param name="weights">One weight w_n for each sample, [N]; converted to the model's type; not modified.</param>
    /// <returns>One tensor shaped like each parameter, in their order.</returns>
    /// <exception cref="ArgumentException">The weights do not fit.</exception>
    public Tensor[] Combine(Tensor weights)
    {
        _step.ThrowIfEnded();
        TensorCheck.Fits(weights, [SampleCount], _step.Losses, nameof(weights));
        var combined = _captured.Combine(weights);
        return [.. _step.Parameters.Select(parameter => combined[parameter])];
    }

    /// <summary>Computes J d: each row's inner product with a direction.</summary>
    /// <param name="direction">One tensor shaped like each parameter, in their order; not modified.</param>
    /// <returns>[N], float64.</returns>
    /// <exception cref="ArgumentException">The direction does not fit the parameters.</exception>
    public Tensor Dot(IReadOnlyList<Tensor> direction)
    {
        _step.ThrowIfEnded();
        TensorCheck.LikeParameters(direction, _step.Parameters, nameof(direction));
        return _captured.Dot(new ParameterVector(_step.Parameters, direction));
    }
}
