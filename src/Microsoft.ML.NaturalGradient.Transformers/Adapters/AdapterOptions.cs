using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>The choice of what is trained of a pretrained model; start from a member of <see cref="Adapters"/> and change it with <c>with</c>.</summary>
public abstract record AdapterOptions
{
    private protected AdapterOptions()
    {
    }

    /// <summary>Short description for logs.</summary>
    internal abstract string Description { get; }

    /// <summary>The settings without weights to start from: what a trained model has.</summary>
    internal virtual AdapterOptions Settings => this;

    /// <summary>Whether PEFT has this kind of adapter.</summary>
    internal virtual bool IsPeft => false;

    /// <summary>Where PEFT finds the base model; null where that is not known.</summary>
    internal virtual BaseLocation? Base => null;

    /// <summary>Tokens that stand before those of every text.</summary>
    internal virtual int PromptLength => 0;

    /// <summary>What the names of the base model's weights begin with in the adapter's weight file.</summary>
    internal virtual string FilePrefix => AdapterConfig.Prefix;

    /// <summary>Throws when a setting is outside its legal range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    internal abstract void Validate();

    /// <summary>Gives the base model's files as the adapter needs them.</summary>
    /// <param name="files">The base model; the result owns it.</param>
    /// <returns>The files; owned by the caller.</returns>
    internal virtual CheckpointFiles Open(CheckpointFiles files) => files;

    /// <summary>Settles what depends on the tokenizer.</summary>
    /// <param name="tokenizer">The base model's tokenizer.</param>
    /// <returns>The settled settings.</returns>
    internal virtual AdapterOptions For(ITextTokenizer tokenizer) => this;

    /// <summary>Prepares an encoder for training: marks or adds the parameters to train.</summary>
    /// <param name="encoder">The encoder, frozen as a whole; changed.</param>
    /// <param name="generator">Source of initial values; kept by what is attached.</param>
    /// <exception cref="ArgumentException">A setting does not fit this encoder.</exception>
    internal abstract void Attach(PretrainedNetwork encoder, Generator generator);

    /// <summary>Fills the trained parameters where there are weights to start from.</summary>
    /// <param name="classifier">The classifier whose encoder this was attached to.</param>
    /// <returns>Whether the head is among them.</returns>
    /// <exception cref="InvalidDataException">The weights do not fit the classifier; the message lists what differs.</exception>
    internal virtual bool Restore(AdaptedNetwork classifier) => false;

    /// <summary>Describes the adapter as PEFT's <c>adapter_config.json</c> does, for saved models.</summary>
    /// <param name="encoder">The encoder it was attached to.</param>
    /// <returns>The configuration.</returns>
    internal abstract JsonObject ToConfig(PretrainedNetwork encoder);

    private protected static void Check(bool legal, string name, double value, string advice) =>
        SingleRange.Require(legal, name, value, advice);
}
