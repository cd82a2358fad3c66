using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Linear probing: only the head is trained, the encoder stays as it is.</summary>
public sealed record HeadOnlyOptions : AdapterOptions
{
    internal const string TypeName = "HEAD_ONLY";

    /// <summary>Whether the head is solved: set where the loss on the training rows, with a penalty on the weights, has its one minimum, by Newton's method.</summary>
    /// <value>
    /// The default is true, which takes seconds, and no epochs, learning rate or batches: the optimizer is not used, and no state is saved in a <c>CheckpointFolder</c>. The penalty is that of 13, from 1 to 1E-6 times half the squared norm of the
    /// weights beside the mean loss, with the smallest loss on the validation rows where there are 10 or more, else on each fifth of the training rows in turn (one of them where there are many rows and classes). False trains the head with the optimizer; so do networks whose head has
    /// layers of its own or two outputs (DeiT's with a teacher), <c>NamedEntityRecognition</c> and <c>QuestionAnswer</c>, pictures that are changed at random, and runs with a <c>QualityProbe</c> or without a <c>FrozenLayerCache</c>.
    /// </value>
    public bool Solve { get; init; } = true;

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
