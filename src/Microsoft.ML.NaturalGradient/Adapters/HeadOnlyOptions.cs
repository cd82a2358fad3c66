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

    internal override void Attach(Encoder encoder, Generator generator)
    {
        // The encoder comes frozen, and the head is always trained.
    }

    internal override JsonObject ToConfig(Encoder encoder) => AdapterConfig.Describe(TypeName, encoder);
}
