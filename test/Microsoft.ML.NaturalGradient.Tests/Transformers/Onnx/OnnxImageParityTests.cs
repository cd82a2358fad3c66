using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Tests.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Exported image encoders give the network's answers in ONNX Runtime.</summary>
[TestClass]
public sealed class OnnxImageParityTests
{
    public static IEnumerable<object[]> Rows => from name in new[] { "vit", "deit", "dinov2" }
                                                from size in new[] { "24x24", "40x40", "32x16" }
                                                select new object[] { name, size };

    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void Run_PicturesOfASize_GivesTheNetworksProbabilities(string name, string size)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture(name);
        using var classifier = Changed(fixture.CreateClassifier());
        using var batch = size switch { "24x24" => fixture.Inputs(), "40x40" => fixture.LargerInputs(), _ => fixture.OblongInputs() };

        using var run = OnnxRun.Of(classifier, pictures: new OnnxPictureSize((int)batch.Pixels.shape[2], (int)batch.Pixels.shape[3]));

        OnnxRun.AssertSameProbabilities(classifier.Forward(batch), run.Run(batch.Pixels));
        OnnxRun.AssertSameProbabilities(classifier.Forward(batch).narrow(0, 1, 1), run.Run(batch.Pixels.narrow(0, 1, 1)));
    }

    [TestMethod]
    public void Run_GatedLayersAndTwoHeads_GivesTheNetworksProbabilities()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var gated = new ImageFixture("dinov2").CreateRandom(("use_swiglu_ffn", true));
        using var teacher = new ImageFixture("deit").CreateRandom(("architectures", new[] { "DeiTForImageClassificationWithTeacher" }));
        using var single = new ImageFixture("deit").CreateRandom(("architectures", new[] { "DeiTForImageClassification" }), ("qkv_bias", false));
        using var batch = new ImageFixture("deit").Inputs();

        foreach (var (classifier, operators) in new[] { (gated, 17), (teacher, 17), (single, 17), (gated, 12), (teacher, 12) })
        {
            using var run = OnnxRun.Of(classifier, operators: operators);

            OnnxRun.AssertSameProbabilities(classifier.Forward(batch), run.Run(batch.Pixels), 1e-4); // weights of 0.3, so that numbers are large
        }
    }

    private static ImageClassifier Changed(ImageClassifier classifier)
    {
        using var generator = new Generator(5);
        foreach (var (_, value) in classifier.TrainableParameters)
        {
            value.add_(empty(value.shape, value.dtype).normal_(0, 0.2, generator));
        }

        return classifier;
    }
}
