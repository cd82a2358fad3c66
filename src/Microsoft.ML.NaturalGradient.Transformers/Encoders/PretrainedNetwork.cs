using Microsoft.ML.NaturalGradient.Adaptation;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What is read from a checkpoint and adapted: an encoder, or an encoder with a decoder.</summary>
internal abstract class PretrainedNetwork : nn.Module
{
    private protected PretrainedNetwork(Architecture architecture)
        : base(architecture.ClassName)
    {
        Architecture = architecture;
    }

    /// <summary>The architecture.</summary>
    public Architecture Architecture { get; }

    /// <summary>Width D of the vectors.</summary>
    public abstract int HiddenSize { get; }

    /// <summary>Width of the vectors of words, before any projection to <see cref="HiddenSize"/>.</summary>
    public virtual int WordWidth => HiddenSize;

    /// <summary>Layers; of the encoder where there is a decoder too.</summary>
    public abstract int LayerCount { get; }

    /// <summary>Attention heads of a layer.</summary>
    public abstract int HeadCount { get; }

    /// <summary>Most tokens in a sequence.</summary>
    public abstract int MaxTokens { get; }

    /// <summary>Rows of the token embedding; 0 for a network that reads pictures.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>What the network's names in a checkpoint begin with, without the dot, for example <c>bert</c>; empty for nothing.</summary>
    public string Prefix => Architecture.Prefix;

    /// <summary>The class of transformers that PEFT loads the base with where it has no name for the task; null elsewhere.</summary>
    public virtual string? PythonClass => null;

    /// <summary>The classification head that fits; null where the network answers by itself.</summary>
    public virtual HeadLayout? Head => null;

    /// <summary>Modules of the head that is trained as a whole, as PEFT lists them; none where the network answers by itself.</summary>
    public abstract IReadOnlyList<string> HeadModules { get; }

    /// <summary>How many prompts PEFT keeps, one for each stack; the first is the one that is read.</summary>
    public virtual int PromptCopies => 1;

    /// <summary>The name of a module or parameter in a checkpoint.</summary>
    /// <param name="local">Its name in this network.</param>
    public string NameOf(string local) => Prefix.Length == 0 ? local : $"{Prefix}.{local}";

    /// <summary>Copies rows of the token embedding.</summary>
    /// <param name="ids">Ids, [K].</param>
    /// <returns>[K, W], W as <see cref="WordWidth"/>; in the caller's dispose scope.</returns>
    public abstract Tensor WordVectors(Tensor ids);

    /// <summary>Puts a prompt before every text.</summary>
    /// <param name="prompt">The prompt; owned by this network from now on.</param>
    public abstract void Prepend(PromptAdapter prompt);
}
