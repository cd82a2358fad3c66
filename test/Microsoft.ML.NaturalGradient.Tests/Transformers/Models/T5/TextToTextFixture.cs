using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

/// <summary>The rows of the reference checkpoints as a classification: the labels 7 and 9 12 are the words of two classes.</summary>
internal static class TextToTextFixture
{
    private static readonly WordTokenizer Tokenizer = new("w5", "w6", "yes", "w8", "not", "w10", "w11", "at_all");

    /// <summary>The settings of the reference adapter.</summary>
    public static LoraOptions Lora { get; } = new() { Rank = 4, Alpha = 8 };

    /// <summary>Classes of the reference rows.</summary>
    public static int[] Classes { get; } = [0, 1, 0];

    /// <summary>The words of the classes; more may follow.</summary>
    public static LabelWords Words(params string[] more) =>
        LabelWords.Encode(["yes", "not at_all", .. more], Tokenizer, T5Fixture.Config(T5Fixture.Tied));

    public static TextToTextClassifier Create(T5Network network, AdapterOptions? adapter = null, LabelWords? words = null) =>
        new(network, words ?? Words(), adapter ?? new NothingTrained(), seed: 1);

    /// <summary>The reference rows as training rows.</summary>
    public static IBatchSource Source(TextToTextClassifier classifier)
    {
        using var scope = NewDisposeScope();
        using var inputs = T5Fixture.Inputs(Fixture.Read($"{T5Fixture.Tied}/reference.json"));
        var rows = Enumerable.Range(0, Classes.Length).Select(n =>
        {
            var length = inputs.Mask[n].sum().item<long>();
            return new EncodedRow(new TokenSequence([.. inputs.Ids[n].narrow(0, 0, length).data<long>().Select(id => (int)id)], null, false), Classes[n]);
        }).ToArray();
        return classifier.ForTraining(new TokenBatchSource(rows, 3, 0, CPU, seed: 1));
    }

    private sealed record NothingTrained : AdapterOptions
    {
        internal override string Description => "nothing";

        internal override void Validate()
        {
        }

        internal override void Attach(PretrainedNetwork encoder, Generator generator)
        {
        }

        internal override JsonObject ToConfig(PretrainedNetwork encoder) => [];
    }
}
