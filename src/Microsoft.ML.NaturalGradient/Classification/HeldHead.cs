using Microsoft.ML.NaturalGradient.Models.Layers;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A head that was solved and is left out of the training; when disposed, it counts as trained again, which is what is saved.</summary>
internal sealed class HeldHead : IDisposable
{
    /// <summary>Holds a head.</summary>
    /// <param name="head">The head; stays the caller's.</param>
    /// <param name="l2">The penalty λ on its weights with which it was solved.</param>
    public HeldHead(LinearLayer head, double l2)
    {
        (Head, L2) = (head, l2);
        Train(false);
    }

    /// <summary>The head.</summary>
    public LinearLayer Head { get; }

    /// <summary>The penalty λ on its weights with which it was solved.</summary>
    public double L2 { get; }

    /// <inheritdoc/>
    public void Dispose() => Train(true);

    private void Train(bool trained)
    {
        foreach (var parameter in Head.parameters())
        {
            parameter.requires_grad = trained;
        }
    }
}
