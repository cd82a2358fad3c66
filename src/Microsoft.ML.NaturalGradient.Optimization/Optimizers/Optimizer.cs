using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Moves parameters by θ ← θ − η·d, with d computed from one evaluated batch.</summary>
internal abstract class Optimizer : IDisposable
{
    private readonly OptimizerStateTable _state;
    private bool _hasStepped;

    private protected Optimizer(IReadOnlyList<Parameter> parameters, OptimizerStateTable? state = null)
    {
        if (parameters.Count == 0)
        {
            throw new ArgumentException("There is nothing to train: the list of parameters is empty.", nameof(parameters));
        }

        Parameters = parameters;
        _state = state ?? new OptimizerStateTable();
    }

    /// <summary>The parameters that are trained; owned by their modules.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Whether the forward pass must be recorded for per-sample gradients.</summary>
    public abstract bool NeedsPerSampleGradients { get; }

    /// <summary>How each parameter is trained; null before the first step where only a recorded forward pass tells the kinds of parameters.</summary>
    public virtual OptimizerCoverage? Coverage => OptimizerCoverage.Full(Parameters.Count);

    /// <summary>Fraction of the weights removed each step, independent of the learning rate.</summary>
    public double WeightDecayPerStep { get; set; }

    /// <summary>Largest squared length c of the method's own step; null for no limit.</summary>
    public double? NormConstraint { get; set; }

    /// <summary>Takes one step: the method's own, shortened by <see cref="NormConstraint"/>, then <see cref="WeightDecayPerStep"/>.</summary>
    /// <param name="batch">The evaluated batch; its graph is used up.</param>
    /// <param name="learningRate">Learning rate η of this step.</param>
    /// <returns>What the step noticed.</returns>
    public StepDiagnostics Step(BatchEvaluation batch, double learningRate)
    {
        using var scope = NewDisposeScope();
        batch.Trained = Parameters;
        var limit = NormConstraint is { } constraint ? new StepLimit(Parameters, constraint) : null;
        var diagnostics = Apply(batch, learningRate);
        if (!_hasStepped)
        {
            _state.Complete();
            _hasStepped = true;
        }

        limit?.Apply();
        if (WeightDecayPerStep > 0)
        {
            using var noGrad = no_grad();
            foreach (var parameter in Parameters)
            {
                parameter.ScaleInPlace(1 - WeightDecayPerStep);
            }
        }

        return diagnostics;
    }

    /// <summary>Makes steps more careful after a run went wrong: no step asks a row to lose more than its own loss. Without effect where steps have no such targets.</summary>
    public virtual void LimitTargets()
    {
    }

    /// <summary>Copies what outlives a step, so that a run can go on later: moments, factors, counters, the state of a generator.</summary>
    /// <returns>The copy; the caller disposes it.</returns>
    public OptimizerState SaveState() => _state.Save();

    /// <summary>Takes over a saved state; what is only made in the first step takes its part then, and an error tells if the state does not fit it.</summary>
    /// <param name="state">What <see cref="SaveState"/> of an optimizer with the same settings and parameters gave; not modified.</param>
    /// <exception cref="InvalidDataException">The state is that of another method or of other parameters; nothing is changed then.</exception>
    public void RestoreState(OptimizerState state) => _state.Restore(state, name => !_hasStepped && IsMadeInFirstStep(name));

    /// <inheritdoc/>
    public virtual void Dispose() => _state.Dispose();

    /// <summary>Whether a part of the state that does not exist yet may be made in the first step.</summary>
    /// <param name="name">Its name.</param>
    private protected virtual bool IsMadeInFirstStep(string name) => false;

    /// <summary>Makes a tensor a part of the state.</summary>
    /// <param name="name">Its name, unique in this optimizer.</param>
    /// <param name="value">Its first value, which this object takes out of every dispose scope, owns, and changes in place only.</param>
    /// <returns>The tensor; with its saved value when a state was restored before.</returns>
    private protected Tensor Track(string name, Tensor value) => _state.Add(name, value);

    /// <summary>Makes a tensor of zeros for each parameter a part of the state.</summary>
    /// <param name="name">Name of all of them.</param>
    /// <returns>The tensors, in the order of <see cref="Parameters"/>.</returns>
    private protected Tensor[] TrackLikeParameters(string name) =>
        [.. Parameters.Select((parameter, i) => Track(FormattableString.Invariant($"{name}.{i}"), zeros_like(parameter).detach()))];

    /// <summary>Makes a number a part of the state.</summary>
    /// <param name="name">Its name, unique in this optimizer.</param>
    /// <param name="get">Reads it.</param>
    /// <param name="set">Changes it.</param>
    private protected void Track(string name, Func<double> get, Action<double> set) => _state.Add(name, get, set);

    /// <summary>Makes a generator's position a part of the state.</summary>
    /// <param name="name">Its name, unique in this optimizer.</param>
    /// <param name="generator">The generator; owned by this object from now on.</param>
    /// <returns>The generator.</returns>
    private protected Generator Track(string name, Generator generator) => _state.Add(name, generator);

    /// <summary>Throws when the output does not depend on a trainable parameter, which would silently never be trained.</summary>
    private protected void CheckCoverage(IPerSampleGradients captured)
    {
        var recorded = captured.Parameters.Select(parameter => parameter.Handle).ToHashSet();
        var missing = Parameters.Count(parameter => !recorded.Contains(parameter.Handle));
        if (missing > 0)
        {
            throw new InvalidOperationException(
                $"The output does not depend on {missing} of {Parameters.Count} trainable parameters. Use them in the forward pass, or leave them out.");
        }
    }

    /// <summary>Computes the direction and moves the parameters; runs inside a dispose scope.</summary>
    private protected abstract StepDiagnostics Apply(BatchEvaluation batch, double learningRate);
}
