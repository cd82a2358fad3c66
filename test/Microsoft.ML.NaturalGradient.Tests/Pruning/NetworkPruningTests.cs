using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Pruning;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Pruning;

[TestClass]
public sealed class NetworkPruningTests
{
    private static readonly double[] Sparsities = [0, 0.25, 0.5, 0.75, 0.95];

    [TestMethod]
    [DataRow(PruningFisher.Ef)]
    [DataRow(PruningFisher.Ief)]
    public void Prune_OneParameter_EqualsPublicEntryWithTheSameGradients(PruningFisher fisher)
    {
        using var scope = NewDisposeScope();
        var (network, other) = (new ToyNetwork(), new ToyNetwork());
        var options = new PruningOptions { Fisher = fisher, BlockSize = 5 };
        using var batch = Run(other);
        using var captured = batch.Capture(batch.LogitGradients);
        var weight = other.Parameters[2];
        var gradients = captured.RowsOf(weight).view([5, .. weight.shape]);
        using var mask = FisherPruning.Prune(weight, gradients, batch.SquaredNorms, 0.4, options);

        NetworkPruning.Prune([network.Parameters[2]], () => [Run(network)], 0.4, options);

        Fixture.AssertClose(other.Flat(), network.Flat());
        Assert.AreEqual(7, mask.sum().item<long>()); // 12 weights, 5 removed
    }

    [TestMethod]
    [DataRow(PruningFisher.Ef)]
    [DataRow(PruningFisher.Ief)]
    public void Curve_TrainedToyNetwork_FallsWithSparsityAndPutsWeightsBack(PruningFisher fisher)
    {
        using var scope = NewDisposeScope();
        var network = Trained();
        var weights = WeightsOf(network);
        var before = network.Flat();

        var accuracy = NetworkPruning.Curve(weights, () => [Run(network)], Sparsities, new() { Fisher = fisher }, () => Accuracy(network));

        Assert.AreEqual(1, accuracy[0]);
        Assert.AreEqual(1, accuracy[1], "a quarter of the weights is spare");
        Assert.IsLessThan(1.0, accuracy[^1], "hardly a weight is left");
        Fixture.AssertClose(before, network.Flat(), 0, 0);
    }

    [TestMethod]
    public void Prune_SeveralBatches_EqualsOneBatch()
    {
        using var scope = NewDisposeScope();
        var (whole, parts) = (Trained(), Trained());

        NetworkPruning.Prune(WeightsOf(whole), () => [Run(whole)], 0.5, new());
        NetworkPruning.Prune(WeightsOf(parts), () => new[] { (0, 2), (2, 3) }.Select(part => Run(parts, part.Item1, part.Item2)), 0.5, new());

        Fixture.AssertClose(whole.Flat(), parts.Flat());
        var zeros = WeightsOf(whole).Sum(weight => weight.eq(tensor(0.0, dtype: ScalarType.Float64)).sum().item<long>());
        Assert.AreEqual(12, zeros); // of 24
    }

    [TestMethod]
    public void Prune_WithoutBatchOrRecord_Throws()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var stranger = nn.Parameter(zeros(2, 2, ScalarType.Float64));

        Assert.ThrowsExactly<InvalidOperationException>(() => NetworkPruning.Prune(WeightsOf(network), () => [], 0.5, new()));
        Assert.ThrowsExactly<InvalidOperationException>(() => NetworkPruning.Prune([stranger], () => [Run(network)], 0.5, new()));
    }

    private static Parameter[] WeightsOf(ToyNetwork network) => [network.Parameters[0], network.Parameters[2]];

    private static ToyNetwork Trained()
    {
        var network = new ToyNetwork();
        using var optimizer = Optimizers.Ief.Create(network.Parameters, 0);
        for (var step = 0; step < 60; step++)
        {
            using var scope = NewDisposeScope();
            using var batch = Run(network);
            optimizer.Step(batch, 1);
        }

        return network;
    }

    private static double Accuracy(ToyNetwork network)
    {
        using var batch = Run(network);
        return batch.CountCorrect()!.Value / 5.0;
    }

    private static BatchEvaluation Run(ToyNetwork network) => BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);

    private static BatchEvaluation Run(ToyNetwork network, int start, int count) => BatchEvaluation.Run(
        new SoftmaxCrossEntropy(), network.Labels.narrow(0, start, count), true, () => network.Forward(network.Inputs.narrow(0, start, count)));
}
