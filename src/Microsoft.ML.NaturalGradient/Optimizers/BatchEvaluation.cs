using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>One forward pass and everything an optimizer may ask of it: losses, gradients, per-sample gradients.</summary>
internal sealed class BatchEvaluation : IDisposable
{
    private readonly IObjective _objective;
    private readonly GradientTape? _tape;
    private readonly Tensor _labels;

    private BatchEvaluation(IObjective objective, GradientTape? tape, Tensor logits, Tensor labels)
    {
        _objective = objective;
        _tape = tape;
        _labels = labels;
        Logits = logits.DetachFromDisposeScope();
        using var scope = NewDisposeScope();
        var detached = logits.detach();
        Losses = objective.Losses(detached, labels).DetachFromDisposeScope();
        LogitGradients = objective.LogitGradients(detached, labels).DetachFromDisposeScope();
        SquaredNorms = LogitGradients.square().flatten(1).sum(1).DetachFromDisposeScope();
    }

    /// <summary>Logits z in the autograd graph, [N, ...].</summary>
    public Tensor Logits { get; }

    /// <summary>Each sample's loss, [N], float64.</summary>
    public Tensor Losses { get; }

    /// <summary>∂ℓ_n/∂z_n, shaped like the logits, float64.</summary>
    public Tensor LogitGradients { get; }

    /// <summary>s_n = ‖∂ℓ_n/∂z_n‖², [N], float64.</summary>
    public Tensor SquaredNorms { get; }

    /// <summary>The parameters that are trained; the optimizer sets them before it asks for anything.</summary>
    public IReadOnlyList<Parameter> Trained { get; set; } = [];

    /// <summary>Samples N.</summary>
    public long SampleCount => Logits.shape[0];

    /// <summary>Runs the forward pass.</summary>
    /// <param name="objective">The loss.</param>
    /// <param name="labels">Labels; owned by the caller, who keeps them until this object is disposed.</param>
    /// <param name="perSampleGradients">Whether the pass is recorded for <see cref="Capture"/>.</param>
    /// <param name="forward">Computes the logits.</param>
    /// <returns>The evaluated batch; the caller disposes it.</returns>
    public static BatchEvaluation Run(IObjective objective, Tensor labels, bool perSampleGradients, Func<Tensor> forward)
    {
        using var scope = NewDisposeScope();
        if (!perSampleGradients)
        {
            return new BatchEvaluation(objective, null, forward(), labels);
        }

        var tape = new GradientTape();
        try
        {
            using (tape.Start())
            {
                return new BatchEvaluation(objective, tape, forward(), labels);
            }
        }
        catch
        {
            tape.Dispose();
            throw;
        }
    }

    /// <summary>Computes the gradient of the mean loss by an ordinary backward pass; the graph is freed.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <returns>One gradient per parameter (zero where the loss does not depend on it); owned by the caller.</returns>
    public Tensor[] MeanGradient(IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var seeds = LogitGradients.Times(1.0 / SampleCount).to(Logits.dtype);
        autograd.backward([Logits], [seeds], false, false, [.. parameters]);
        return [.. parameters.Select(TakeGradient)];
    }

    /// <summary>Captures per-sample gradients of seeded logits: from the tape, or sample by sample where it missed a trained parameter.</summary>
    /// <param name="seeds">Cotangents, shaped like the logits; converted to their type.</param>
    /// <param name="keepGraph">Whether another capture follows.</param>
    /// <returns>The captured gradients; the caller disposes them before this object.</returns>
    /// <exception cref="InvalidOperationException">The pass was not recorded.</exception>
    public CapturedGradients Capture(Tensor seeds, bool keepGraph = false)
    {
        using var scope = NewDisposeScope();
        var tape = _tape ?? throw new InvalidOperationException("The forward pass was not recorded for per-sample gradients.");
        var typed = seeds.to(Logits.dtype);
        return tape.Covers(Trained)
            ? tape.Capture(Logits, typed, keepGraph)
            : LoopedCapture.Run(Logits, typed, Trained, keepGraph);
    }

    /// <summary>Computes the logit gradients for labels drawn from the model's own distribution.</summary>
    /// <param name="generator">Source of randomness.</param>
    /// <returns>Shaped like the logits, float64; owned by the caller.</returns>
    public Tensor SampledLogitGradients(Generator generator)
    {
        using var scope = NewDisposeScope();
        var detached = Logits.detach();
        var labels = _objective.SampleLabels(detached, _labels, generator);
        return _objective.LogitGradients(detached, labels).MoveToOuterDisposeScope();
    }

    /// <summary>Counts the samples predicted right.</summary>
    /// <returns>A number from 0 to N; null where labels are no classes.</returns>
    public long? CountCorrect() => _objective.CountCorrect(Logits, _labels);

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape?.Dispose();
        Logits.Dispose();
        Losses.Dispose();
        LogitGradients.Dispose();
        SquaredNorms.Dispose();
    }

    private static Tensor TakeGradient(Tensor parameter)
    {
        var gradient = (parameter.grad ?? zeros_like(parameter)).detach();
        parameter.grad = null;
        return gradient.MoveToOuterDisposeScope();
    }
}
