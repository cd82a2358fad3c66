using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Models;
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

    /// <summary>Throws when a setting is outside its legal range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    internal abstract void Validate();

    /// <summary>Prepares an encoder for training: marks or adds the parameters to train.</summary>
    /// <param name="encoder">The encoder, frozen as a whole; changed.</param>
    /// <param name="generator">Source of initial values; kept by what is attached.</param>
    /// <exception cref="ArgumentException">A setting does not fit this encoder.</exception>
    internal abstract void Attach(TextEncoder encoder, Generator generator);

    /// <summary>Describes the adapter as PEFT's <c>adapter_config.json</c> does, for saved models.</summary>
    /// <param name="encoder">The encoder it was attached to.</param>
    /// <returns>The configuration.</returns>
    internal abstract JsonObject ToConfig(TextEncoder encoder);
}
