using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Full fine-tuning: every weight of the encoder is trained, embeddings included.</summary>
/// <remarks>
/// Works with every optimizer. Optimizers that use per-sample gradients need the inputs of all layers for a step, and time that grows
/// with the number of weights times the rows of a batch.
/// </remarks>
public sealed record FullFineTuningOptions : AdapterOptions
{
    internal const string TypeName = "FULL";

    internal override string Description => "all weights";

    internal override void Validate()
    {
    }

    internal override void Attach(PretrainedNetwork encoder, Generator generator) => EncoderParameters.Train(encoder);

    internal override JsonObject ToConfig(PretrainedNetwork encoder) => AdapterConfig.Describe(TypeName, encoder);
}
