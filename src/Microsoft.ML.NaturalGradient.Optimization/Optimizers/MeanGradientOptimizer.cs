using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Base of the methods that see the gradient of the mean loss only.</summary>
internal abstract class MeanGradientOptimizer : Optimizer
{
    private readonly MeanGradientOptions _shared;
    private Tensor[]? _collected; // Δθ, while a step is collected to be normalised

    private protected MeanGradientOptimizer(IReadOnlyList<Parameter> parameters, MeanGradientOptions options)
        : base(parameters)
    {
        _shared = options;
    }

    /// <inheritdoc/>
    internal sealed override bool NeedsPerSampleGradients => false;

    /// <summary>Applies one step for given gradients.</summary>
    /// <param name="gradients">Gradients g of the mean loss, one per parameter; not modified.</param>
    /// <param name="sampleCount">Samples B of that mean, or the sum of their weights.</param>
    /// <param name="learningRate">Learning rate η of this step.</param>
    public void Update(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!_shared.NormalizeUpdate)
        {
            Move(gradients, sampleCount, learningRate);
            return;
        }

        _collected = [.. Parameters.Select(parameter => zeros_like(parameter).Wide())];
        Move(gradients, sampleCount, learningRate);
        var (steps, length) = (_collected, _collected.Norm());
        _collected = null;
        for (var i = 0; length > 0 && i < steps.Length; i++)
        {
            Parameters[i].AddInPlace(steps[i], learningRate / length);
        }
    }

    /// <summary>Computes the step and takes it by <see cref="Shrink"/> and <see cref="Shift"/>; runs inside a dispose scope without autograd.</summary>
    /// <inheritdoc cref="Update"/>
    private protected abstract void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate);

    private protected sealed override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        Update(Clip(batch.MeanGradient(Parameters)), batch.Weights.Sum, learningRate);
        return StepDiagnostics.None;
    }

    /// <summary>The part of a method's weight decay that applies to one parameter.</summary>
    private protected double DecayOf(int index, double decay) => decay * Set.DecayFactor(index);

    /// <summary>θ ← (1 − fraction) θ for one parameter, before it is shifted, as its group has it.</summary>
    private protected void Shrink(int index, double fraction)
    {
        fraction = DecayOf(index, fraction) * Set.RateFactor(index);
        if (_collected is null)
        {
            Parameters[index].ScaleInPlace(1 - fraction);
        }
        else
        {
            _collected[index].AddInPlace(Parameters[index], -fraction);
        }
    }

    /// <summary>θ ← θ + factor · direction for one parameter, times the factor of its group.</summary>
    private protected void Shift(int index, Tensor direction, double factor)
    {
        factor *= Set.RateFactor(index);
        var target = _collected is null ? Parameters[index] : _collected[index];
        target.AddInPlace(direction, factor);
    }

    /// <summary>Heavy-ball momentum: m ← μm + direction.</summary>
    /// <param name="momentum">m, changed; null where there is none.</param>
    /// <param name="decay">μ.</param>
    /// <param name="direction">What is added; not modified.</param>
    /// <returns>m, or <paramref name="direction"/> where there is no momentum.</returns>
    private protected static Tensor Accumulate(Tensor? momentum, double decay, Tensor direction)
    {
        momentum?.ScaleInPlace(decay);
        momentum?.AddInPlace(direction);
        return momentum ?? direction;
    }

    private Tensor[] Clip(Tensor[] gradients)
    {
        if (_shared.GradientClipNorm is { } limit && gradients.Norm() is var norm && norm > limit)
        {
            Array.ForEach(gradients, gradient => gradient.ScaleInPlace(limit / norm));
        }

        return gradients;
    }
}
