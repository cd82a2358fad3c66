using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;
using OptimizerState = Microsoft.ML.NaturalGradient.Optimization.OptimizerState;

namespace Microsoft.ML.NaturalGradient;

/// <summary>The mathematics of a method: moves parameters by θ ← θ − η·d, with d computed from one evaluated batch.</summary>
/// <remarks>
/// Your own methods derive from <see cref="UpdateRule"/>. What a method remembers from step to step it has to track, so that it is part of saved states: tensors,
/// numbers and generators. It tracks them in its constructor or in its first step. Serves one run and one thread.
/// </remarks>
public abstract class Optimizer : IDisposable
{
    private readonly OptimizerStateTable _state = new();
    private bool _hasStepped;

    private protected Optimizer(IReadOnlyList<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Set = ParameterSet.Of(parameters);
    }

    /// <summary>The parameters θ; read them, but leave moving them to the library. Owned by their modules.</summary>
    public IReadOnlyList<Parameter> Parameters => Set;

    /// <summary>The same, with their names and groups.</summary>
    internal ParameterSet Set { get; }

    /// <summary>Whether the forward pass must be recorded for per-sample gradients.</summary>
    internal abstract bool NeedsPerSampleGradients { get; }

    /// <summary>Whether it reads statistics of what goes into layers, in which padding counts.</summary>
    internal virtual bool ReadsLayerInputs => false;

    /// <summary>How each parameter is trained; null before the first step where only a recorded forward pass tells the kinds of parameters.</summary>
    internal virtual OptimizerCoverage? Coverage => OptimizerCoverage.Full(Parameters.Count);

    /// <summary>Fraction of the weights removed each step, independent of the learning rate.</summary>
    internal double WeightDecayPerStep { get; set; }

    /// <summary>Largest squared length c of the method's own step; null for no limit.</summary>
    internal double? NormConstraint { get; set; }

    /// <summary>Takes one step: the method's own, shortened by <see cref="NormConstraint"/>, then <see cref="WeightDecayPerStep"/>.</summary>
    /// <param name="batch">The evaluated batch; its graph is used up.</param>
    /// <param name="learningRate">Learning rate η of this step.</param>
    /// <returns>What the step noticed.</returns>
    internal StepDiagnostics Step(BatchEvaluation batch, double learningRate)
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
            for (var i = 0; i < Set.Count; i++)
            {
                Set[i].ScaleInPlace(1 - (WeightDecayPerStep * Set.DecayFactor(i)));
            }
        }

        return diagnostics;
    }

    /// <summary>Makes steps more careful after a run went wrong: no step asks a row to lose more than its own loss. Without effect where steps have no such targets.</summary>
    internal virtual void LimitTargets()
    {
    }

    /// <summary>Copies what outlives a step, so that a run can go on later: moments, factors, counters, the state of a generator.</summary>
    /// <returns>The copy; the caller disposes it.</returns>
    internal OptimizerState SaveState() => _state.Save();

    /// <summary>Takes over a saved state; what is only made in the first step takes its part then, and an error tells if the state does not fit it.</summary>
    /// <param name="state">What <see cref="SaveState"/> of an optimizer with the same settings and parameters gave; not modified.</param>
    /// <exception cref="InvalidDataException">The state is that of another method or of other parameters; nothing is changed then.</exception>
    internal void RestoreState(OptimizerState state)
    {
        _state.Restore(state, name => !_hasStepped && IsMadeInFirstStep(name));
        MakeRestored(state);
    }

    /// <summary>Frees what is tracked; called by the library.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether a part of the state that does not exist yet may be made in the first step.</summary>
    /// <param name="name">Its name.</param>
    private protected virtual bool IsMadeInFirstStep(string name) => false;

    /// <summary>Makes a tensor a part of the state.</summary>
    /// <param name="name">Its name, unique in this object and the same in every run.</param>
    /// <param name="value">
    /// Its first value, outside the graph; taken out of every dispose scope, owned by this object from now on, and to be changed in place only.
    /// </param>
    /// <returns>The tensor; with its saved value when a state was restored before.</returns>
    /// <exception cref="ArgumentException">The name is taken, or the tensor requires gradients.</exception>
    protected Tensor Track(string name, Tensor value)
    {
        CheckNew(name);
        ArgumentNullException.ThrowIfNull(value);
        return value.requires_grad
            ? throw new ArgumentException($"'{name}' requires gradients. Track a detached copy, value.detach().clone().", nameof(value))
            : _state.Add(name, value);
    }

    /// <summary>Makes a tensor of zeros for each parameter a part of the state, called after the parameter; of 32 bits where the parameter has 16.</summary>
    /// <param name="name">Name of all of them, unique in this object.</param>
    /// <returns>The tensors, in the order of <see cref="Parameters"/>; owned by this object, to be changed in place only.</returns>
    protected Tensor[] TrackLikeParameters(string name) =>
        [.. Set.Select(parameter => Track($"{name}.{Set.NameOf(parameter)}", zeros_like(parameter).detach().Wide()))];

    /// <summary>Makes a number, such as a count of steps, a part of the state.</summary>
    /// <param name="name">Its name, unique in this object.</param>
    /// <param name="get">Reads it.</param>
    /// <param name="set">Changes it, when a state is restored.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    protected void Track(string name, Func<double> get, Action<double> set)
    {
        CheckNew(name);
        ArgumentNullException.ThrowIfNull(get);
        ArgumentNullException.ThrowIfNull(set);
        _state.Add(name, get, set);
    }

    /// <summary>Makes a generator's position a part of the state.</summary>
    /// <param name="name">Its name, unique in this object.</param>
    /// <param name="generator">The generator; owned by this object from now on.</param>
    /// <returns>The generator.</returns>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    protected Generator Track(string name, Generator generator)
    {
        CheckNew(name);
        ArgumentNullException.ThrowIfNull(generator);
        return _state.Add(name, generator);
    }

    /// <summary>Frees what is tracked, and in an override what else the method holds.</summary>
    /// <param name="disposing">Whether it was not called by a finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _state.Dispose();
        }
    }

    /// <summary>Throws when the output does not depend on a trainable parameter, which would silently never be trained.</summary>
    private protected void CheckCoverage(IPerSampleGradients captured)
    {
        const int MostNames = 3;
        var recorded = new HashSet<Parameter>(captured.Parameters, SameParameter.Comparer);
        var missing = Set.Where(parameter => !recorded.Contains(parameter)).Select(Set.NameOf).ToArray();
        if (missing.Length > 0)
        {
            throw new InvalidOperationException(
                $"The output does not depend on {missing.Length} of {Set.Count} trainable parameters: {string.Join(", ", missing.Take(MostNames))}"
                + $"{(missing.Length > MostNames ? ", ..." : string.Empty)}. Use them in the forward pass, or leave them out.");
        }
    }

    /// <summary>Makes what a restored state tells enough about, and does not exist yet, before the first step does.</summary>
    /// <param name="state">The state, which was taken over.</param>
    private protected virtual void MakeRestored(OptimizerState state)
    {
    }

    /// <summary>Computes the direction and moves the parameters; runs inside a dispose scope.</summary>
    private protected abstract StepDiagnostics Apply(BatchEvaluation batch, double learningRate);

    private void CheckNew(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (_state.Contains(name))
        {
            throw new ArgumentException($"'{name}' is tracked already. Use another name.", nameof(name));
        }
    }
}
