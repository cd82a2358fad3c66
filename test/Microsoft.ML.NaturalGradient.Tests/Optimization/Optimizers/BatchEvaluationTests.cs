using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class BatchEvaluationTests
{
    [TestMethod]
    public void Capture_LayerThatDoesNotRecord_NamesItsParametersUnlessSingleSamplesAreAllowed()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = Evaluate(allowsSingleSamples: false);
        using var loops = Evaluate(allowsSingleSamples: true);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => batch.Capture(batch.LogitGradients));
        using var captured = loops.Capture(loops.LogitGradients);

        StringAssert.Contains(error.Message, "2 of 4 trainable parameters");
        StringAssert.Contains(error.Message, "2 [3, 4], 3 [3]");
        Assert.AreEqual(4, captured.Parameters.Count());

        BatchEvaluation Evaluate(bool allowsSingleSamples)
        {
            var evaluation = BatchEvaluation.Run(
                new SoftmaxCrossEntropy(), network.Labels, true,
                () => nn.functional.linear(
                    tanh(ToyNetwork.Linear(network.Inputs, network.Parameters[0], network.Parameters[1])), network.Parameters[2], network.Parameters[3]),
                allowsSingleSamples: allowsSingleSamples);
            evaluation.Trained = network.Parameters;
            return evaluation;
        }
    }
}
