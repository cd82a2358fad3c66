using Microsoft.ML.NaturalGradient.Batching;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A pretrained network that turns tokens into vectors. One file per architecture derives from this.</summary>
internal abstract class TextEncoder : nn.Module
{
    private protected TextEncoder(string name)
        : base(name)
    {
    }

    /// <summary>Width D of the vectors.</summary>
    public abstract int HiddenSize { get; }

    /// <summary>Most tokens in a sequence.</summary>
    public abstract int MaxTokens { get; }

    /// <summary>Rows of the token embedding.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Prefix of the encoder's names in a checkpoint saved with a head, for example <c>bert</c>.</summary>
    public abstract string Prefix { get; }

    /// <summary>Linear layers that LoRA adapts unless told otherwise.</summary>
    public abstract IReadOnlyList<string> DefaultTargets { get; }

    /// <summary>Computes the vector of each token after each layer.</summary>
    /// <param name="batch">Padded token ids.</param>
    /// <returns>The embedding's output and each layer's, [N, T, D]; in the caller's dispose scope.</returns>
    public abstract IReadOnlyList<Tensor> HiddenStates(TokenBatch batch);

    /// <summary>Computes one vector for each sequence, which the classification head reads.</summary>
    /// <param name="batch">Padded token ids.</param>
    /// <returns>[N, D]; in the caller's dispose scope.</returns>
    public abstract Tensor Pool(TokenBatch batch);
}
