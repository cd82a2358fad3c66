using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A forward pass that can be run again, with the dropout masks of its first run.</summary>
/// <param name="forward">Computes the logits.</param>
/// <param name="randomness">Source of the masks; null where there is none.</param>
internal sealed class ReplayableForward(Func<Tensor> forward, Generator? randomness) : IDisposable
{
    private Tensor? _before; // the generator's state before the first run

    /// <summary>Runs the pass for the first time.</summary>
    /// <returns>The logits; in the caller's dispose scope.</returns>
    public Tensor First()
    {
        _before = randomness?.get_state().DetachFromDisposeScope();
        return forward();
    }

    /// <summary>Runs the pass again; the generator goes on afterwards where it was.</summary>
    /// <returns>The logits; in the caller's dispose scope.</returns>
    public Tensor Again()
    {
        if (_before is null)
        {
            return forward();
        }

        using var now = randomness!.get_state();
        try
        {
            randomness.set_state(_before);
            return forward();
        }
        finally
        {
            randomness.set_state(now);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _before?.Dispose();
}
