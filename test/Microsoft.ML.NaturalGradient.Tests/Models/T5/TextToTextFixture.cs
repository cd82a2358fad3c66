using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

/// <summary>The rows of the reference checkpoints as a classification: the labels 7 and 9 12 are the words of two classes.</summary>
internal static class TextToTextFixture
{
    private static readonly WordTokenizer Tokenizer = new("w5", "w6", "yes", "w8", "not", "w10", "w11", "at_all");

    private static readonly LoraOptions Lora = new() { Rank = 4, Alpha = 8 };

    /// <summary>Classes of the reference rows.</summary>
    public static int[] Classes { get; } = [0, 1, 0];

    /// <summary>The words of the classes; more may follow.</summary>
    public static LabelWords Words(params string[] more) =>
        LabelWords.Encode(["yes", "not at_all", .. more], Tokenizer, T5Fixture.Config(T5Fixture.Tied));

    public static TextToTextClassifier Create(T5Network network, Action<T5Network, Generator>? adapt = null, LabelWords? words = null) =>
        new(network, words ?? Words(), adapt ?? ((_, _) => { }), seed: 1);

    /// <summary>Attaches LoRA to every layer with one of the names.</summary>
    public static void AttachLora(T5Network network, Generator generator)
    {
        foreach (var (name, module) in network.named_modules())
        {
            if (module is LinearLayer layer && network.DefaultTargets.Any(target => name.EndsWith("." + target, StringComparison.Ordinal)))
            {
                layer.Adapt(new LoraAdapter(layer, Lora.Rank, Lora.Alpha, Lora, generator));
            }
        }
    }

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
        return classifier.ForTraining(new TokenBatchSource(rows, 3, 0, CPU, seed: 1, ScalarType.Int64));
    }
}
