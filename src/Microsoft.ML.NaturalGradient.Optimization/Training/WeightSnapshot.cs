using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>A copy of the trained weights.</summary>
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

    /// <summary>The copies, by the names of the weights; owned by this object. They may be overwritten.</summary>
    public IEnumerable<(string Name, Tensor Value)> Named => _parameters.Zip(_copies, (named, copy) => (named.Name, copy));

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
