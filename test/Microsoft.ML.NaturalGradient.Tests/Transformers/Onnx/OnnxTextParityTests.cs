using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Exported text encoders give the network's answers in ONNX Runtime.</summary>
[TestClass]
public sealed class OnnxTextParityTests
{
    private const double Tolerance = 1e-5; // of probabilities, as issue 21 asks

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Run_EveryTextEncoder_GivesItsProbabilities(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier();
        EncoderFixture.Perturb(classifier);
        var batch = fixture.Inputs();

        using var run = OnnxRun.Of(classifier);

        AssertSame(classifier.Outputs(batch), run.Run(batch));
    }

    private static void AssertSame(Tensor expected, Tensor actual)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        var difference = expected.softmax(-1).sub(actual.to(ScalarType.Float64).softmax(-1)).abs().max().item<double>();
        Fixture.AssertLess(Tolerance, difference);
    }
}
