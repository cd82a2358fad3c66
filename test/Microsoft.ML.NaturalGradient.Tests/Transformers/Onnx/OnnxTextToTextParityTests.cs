using Microsoft.ML.NaturalGradient.Tests.Models.T5;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Exported text-to-text models score the words of classes as the network does.</summary>
[TestClass]
public sealed class OnnxTextToTextParityTests
{
    public static IEnumerable<object[]> Rows => from folder in new[] { T5Fixture.Tied, T5Fixture.Gated }
                                                from kind in new[] { "nothing", "LoRA", "prompt" }
                                                select new object[] { folder, kind };

    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void Run_EncoderAndDecoder_GivesTheNetworksProbabilities(string folder, string kind)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        AdapterOptions? adapter = kind switch
        {
            "LoRA" => TextToTextFixture.Lora,
            "prompt" => new PromptTuningOptions { TokenCount = 3, Initialization = PromptInitialization.Random },
            _ => null,
        };
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(folder), adapter, TextToTextFixture.Words("w10", "w11 yes w5"));
        _ = classifier.to(ScalarType.Float64);
        using var generator = new Generator(5);
        foreach (var (_, value) in classifier.TrainableParameters)
        {
            value.add_(empty(value.shape, value.dtype).normal_(0, 0.2, generator));
        }

        using var inputs = T5Fixture.Inputs(Fixture.Read($"{folder}/reference.json"));

        using var run = OnnxRun.Of(classifier);

        OnnxRun.AssertSameProbabilities(classifier.Outputs(inputs), run.Run(inputs));
        var first = inputs.Slice(0, 1);
        OnnxRun.AssertSameProbabilities(classifier.Outputs(first), run.Run(first));
        CollectionAssert.AreEqual(new[] { "input_ids", "attention_mask" }, run.Inputs.ToArray());
    }
}
