using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.PerSampleGradients;

[TestClass]
public sealed class LoopedCaptureTests
{
    private const double Exact = 1e-12;

    [TestMethod]
    public void Run_RecordedNetwork_EqualsTheTape()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        using var taped = batch.Capture(batch.LogitGradients, keepGraph: true);

        using var looped = LoopedCapture.Run(batch.Logits, batch.LogitGradients, network.Parameters, keepGraph: false);

        var weights = Fixture.Sine(1, 2.1, 0.3, network.Labels.shape[0]);
        var (expected, actual) = (taped.Combine(weights), looped.Combine(weights));
        Fixture.AssertClose(taped.Gram(), looped.Gram(), Exact, Exact);
        Fixture.AssertClose(taped.Dot(expected), looped.Dot(actual), Exact, Exact);
        foreach (var parameter in network.Parameters)
        {
            Fixture.AssertClose(expected[parameter], actual[parameter], Exact, Exact);
            Assert.IsNull(parameter.grad);
        }
    }

    [TestMethod]
    public void Capture_ParameterThatTheTapeMissed_IsCapturedTooByTheLoop()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var scale = nn.Parameter(Fixture.Sine(1, 0.7, 0.5, 3)); // multiplies the logits, recorded by nothing
        Tensor Forward() => network.Forward().mul(scale);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, Forward, allowsSingleSamples: true);
        batch.Trained = [.. network.Parameters, scale];

        using var captured = batch.Capture(batch.LogitGradients);

        var rows = PerSampleOracle.Rows(n => Forward().narrow(0, n, 1), batch.LogitGradients, batch.Trained);
        Fixture.AssertClose(rows, captured.Rows(), Exact, Exact);
    }

    [TestMethod]
    public void Run_ParametersThatTakeNoPart_Throws()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);

        Assert.ThrowsExactly<InvalidOperationException>(
            () => LoopedCapture.Run(batch.Logits, batch.LogitGradients, [nn.Parameter(zeros(2))], keepGraph: false));
    }
}
