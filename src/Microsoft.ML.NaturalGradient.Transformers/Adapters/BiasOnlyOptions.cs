using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>BitFit: the biases of all linear and normalisation layers are trained, everything else pretrained stays as it is.</summary>
/// <remarks>
/// Ben Zaken, Ravfogel and Goldberg, "BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked Language-models", ACL 2022. A model
/// without biases, such as ModernBERT and T5, is refused.
/// </remarks>
public sealed record BiasOnlyOptions : AdapterOptions
{
    internal const string TypeName = "BIAS_ONLY";

    /// <summary>Whether this comes from a saved model, which may be one whose head alone was trained.</summary>
    internal bool IsRestored { get; init; }

    internal override string Description => "biases only";

    internal override void Validate()
    {
    }

    internal override void Attach(PretrainedNetwork encoder, Generator generator)
    {
        if (!EncoderParameters.TrainBiases(encoder) && !IsRestored)
        {
            throw new ArgumentException(
                "BiasOnly trains the biases of the pretrained model, but this one has none (as ModernBERT and T5), so it would stay as it is. "
                + "Use Adapters.LoRA; Adapters.HeadOnly trains the head alone, where there is one.", nameof(encoder));
        }
    }

    internal override JsonObject ToConfig(PretrainedNetwork encoder) => AdapterConfig.Describe(TypeName, encoder);
}
