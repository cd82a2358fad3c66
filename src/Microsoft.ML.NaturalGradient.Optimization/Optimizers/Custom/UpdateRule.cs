using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Base of the mathematics of an optimizer of your own: one direction d for each batch, with θ ← θ − η·d done by the library.</summary>
/// <remarks>
/// What a rule remembers from step to step it has to track, so that it is part of saved states: tensors, numbers and generators. It tracks them in its
/// constructor or in its first step; after that step a restored state that has more, or had less, is an error.
/// A rule serves one run and one thread.
/// </remarks>
public abstract class UpdateRule : IDisposable
{
    /// <summary>Creates a rule.</summary>
    /// <param name="parameters">The parameters θ that <see cref="CustomOptimizerOptions.CreateRule"/> is given.</param>
    protected UpdateRule(IReadOnlyList<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameters = parameters;
    }

    /// <summary>The parameters θ; read them, but leave moving them to the library.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Whether the rule asks for <see cref="StepContext.SampleGradients()"/>, for which the forward pass is recorded.</summary>
    /// <value>The default is <see langword="false"/>. Read before every step.</value>
    public virtual bool NeedsSampleGradients => false;

    /// <summary>What is tracked.</summary>
    internal OptimizerStateTable State { get; } = new();

    /// <summary>Frees what is tracked; called by the library.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Computes the direction d of θ ← θ − η·d for one batch, and moves on what is tracked.</summary>
    /// <remarks>
    /// Runs without autograd inside a dispose scope, which disposes every tensor that is made here and not tracked. When the quality of the
    /// method is measured, a new rule computes the direction, so that of its first step.
    /// </remarks>
    /// <param name="batch">The evaluated batch, and what can be computed from it; not to be used after the call.</param>
    /// <returns>
    /// One floating-point tensor shaped like each parameter, in their order; not modified, so it may be what is tracked. An empty list
    /// moves nothing in this step.
    /// </returns>
    protected abstract IReadOnlyList<Tensor> Direction(StepContext batch);

    /// <summary>Calls <see cref="Direction"/>.</summary>
    internal IReadOnlyList<Tensor> Compute(StepContext batch) => Direction(batch);

    /// <summary>Makes a tensor a part of the state.</summary>
    /// <param name="name">Its name, unique in this rule and the same in every run.</param>
    /// <param name="value">
    /// Its first value, outside the graph; taken out of every dispose scope, owned by this object from now on, and to be changed in place only.
    /// </param>
    /// <returns>The tensor.</returns>
    /// <exception cref="ArgumentException">The name is taken, or the tensor requires gradients.</exception>
    protected Tensor Track(string name, Tensor value)
    {
        CheckNew(name);
        ArgumentNullException.ThrowIfNull(value);
        return value.requires_grad
            ? throw new ArgumentException($"'{name}' requires gradients. Track a detached copy, value.detach().clone().", nameof(value))
            : State.Add(name, value);
    }

    /// <summary>Makes a tensor of zeros for each parameter a part of the state.</summary>
    /// <param name="name">Name of all of them, unique in this rule.</param>
    /// <returns>The tensors, in the order of <see cref="Parameters"/>; owned by this object, to be changed in place only.</returns>
    protected Tensor[] TrackLikeParameters(string name) =>
        [.. Parameters.Select((parameter, i) => Track(FormattableString.Invariant($"{name}.{i}"), zeros_like(parameter).detach()))];

    /// <summary>Makes a number, such as a count of steps, a part of the state.</summary>
    /// <param name="name">Its name, unique in this rule.</param>
    /// <param name="get">Reads it.</param>
    /// <param name="set">Changes it, when a state is restored.</param>
    protected void Track(string name, Func<double> get, Action<double> set)
    {
        CheckNew(name);
        ArgumentNullException.ThrowIfNull(get);
        ArgumentNullException.ThrowIfNull(set);
        State.Add(name, get, set);
    }

    /// <summary>Makes a generator's position a part of the state.</summary>
    /// <param name="name">Its name, unique in this rule.</param>
    /// <param name="generator">The generator; owned by this object from now on.</param>
    /// <returns>The generator.</returns>
    protected Generator Track(string name, Generator generator)
    {
        CheckNew(name);
        ArgumentNullException.ThrowIfNull(generator);
        return State.Add(name, generator);
    }

    /// <summary>Frees what is tracked, and in an override what else the rule holds.</summary>
    /// <param name="disposing">Whether it was not called by a finaliser.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            State.Dispose();
        }
    }

    private void CheckNew(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (State.Contains(name))
        {
            throw new ArgumentException($"'{name}' is tracked already. Use another name.", nameof(name));
        }
    }
}
