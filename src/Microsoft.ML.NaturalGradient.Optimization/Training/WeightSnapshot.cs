using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>A copy of the trained weights at the end of an epoch.</summary>
internal sealed class WeightSnapshot : IDisposable
{
    private readonly IReadOnlyList<NamedParameter> _parameters;
    private readonly Tensor[] _copies;

    /// <summary>Copies the weights.</summary>
    /// <param name="parameters">The weights; owned by the model.</param>
    public WeightSnapshot(IReadOnlyList<NamedParameter> parameters)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _parameters = parameters;
        _copies = [.. parameters.Select(named => named.Value.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>Writes the copies back into the model.</summary>
    public void Restore()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < _copies.Length; i++)
        {
            _parameters[i].Value.copy_(_copies[i]);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_copies, copy => copy.Dispose());
}
