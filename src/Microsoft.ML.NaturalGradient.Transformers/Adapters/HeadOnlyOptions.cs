using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Linear probing: only the classification head is trained, the encoder stays as it is.</summary>
public sealed record HeadOnlyOptions : AdapterOptions
{
    internal const string TypeName = "HEAD_ONLY";

    internal override string Description => "head only";

    internal override void Validate()
    {
    }

    internal override void Attach(PretrainedNetwork encoder, Generator generator)
    {
        // The encoder comes frozen, and the head is always trained.
        if (encoder.HeadModules.Count == 0)
        {
            throw new ArgumentException("The model has no head of its own to train: it answers with words. Use another adapter.", nameof(encoder));
        }
    }

    internal override JsonObject ToConfig(PretrainedNetwork encoder) => AdapterConfig.Describe(TypeName, encoder);
}
