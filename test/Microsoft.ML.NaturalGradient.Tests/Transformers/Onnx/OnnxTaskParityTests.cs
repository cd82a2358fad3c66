using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Exported networks of every task give the outputs by which their rows are scored.</summary>
[TestClass]
public sealed class OnnxTaskParityTests
{
    [TestMethod]
    [DynamicData(nameof(TaskReferenceTests.All), typeof(TaskReferenceTests))]
    public void Run_ReferenceOfATask_GivesTheNetworksOutputs(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = TaskReferenceTests.Load(name);
        var batch = EncoderFixture.Inputs(Fixture.Read($"tasks/{name}/reference.json").GetProperty("inputs"));

        using var run = OnnxRun.Of(network);

        var (expected, actual) = (network.Outputs(batch), run.Run(batch));
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        Fixture.AssertLess(1e-5, expected.sub(actual).abs().mul(Counted(network, batch)).max().item<double>());
    }

    // What padding gives is read by nobody.
    private static Tensor Counted(TextNetwork network, TokenBatch batch) =>
        network.HeadKind == HeadKind.Whole ? ones(1, ScalarType.Float64) : batch.Mask.to(ScalarType.Float64).unsqueeze(-1);
}
