using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A network that is trained on texts with labels, and scored by its outputs for a text.</summary>
internal abstract class TextNetwork : AdaptedNetwork
{
    /// <summary>Creates the source of initial values; the derived class makes and registers the parts.</summary>
    /// <param name="name">Name of the class.</param>
    /// <param name="seed">Seed of initial values and of dropout.</param>
    private protected TextNetwork(string name, long seed)
        : base(name, seed)
    {
    }

    /// <summary>The words that it answers with, one for each class; null where a head answers.</summary>
    public virtual IReadOnlyList<string>? ClassWords => null;

    /// <summary>Turns batches of texts with labels [N] into those that the network reads.</summary>
    /// <param name="rows">Batches of <see cref="TokenBatch"/>.</param>
    /// <returns>The batches to train on.</returns>
    public abstract IBatchSource ForTraining(IBatchSource rows);

    /// <summary>Computes the outputs that texts are scored by: one number per class, whose softmax is its probability, or a prediction.</summary>
    /// <param name="batch">N texts.</param>
    /// <returns>[N, K]; in the caller's dispose scope.</returns>
    public abstract Tensor Outputs(TokenBatch batch);
}
