using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class DuplicateFilterTests
{
    [TestMethod]
    public void Kept_OppositeRows_LosesTheShorterOneAsTheReferenceDoes()
    {
        using var scope = NewDisposeScope();
        var j = new ToyNetwork().Reference("J").ToTensor();
        var rows = stack([j[0], j[1], j[1].mul(-1.0005).add(j[2].mul(1e-3)), j[3]]);
        var removed = Fixture.Read("spec/edge_cases.json").GetProperty("ref_filter").GetProperty("removed_index").GetInt64();

        var kept = DuplicateFilter.Kept(rows.mm(rows.t()), rows.square().sum(1), 0.99);

        CollectionAssert.AreEqual(new long[] { 0, 1, 2, 3 }.Where(i => i != removed).ToArray(), kept.data<long>().ToArray());
    }

    [TestMethod]
    public void Kept_EqualRows_LosesTheLaterOne()
    {
        using var scope = NewDisposeScope();
        var rows = tensor(new[,] { { 1.0, 2 }, { 0, 0 }, { 1, 2 }, { 2, -1 } });

        var kept = DuplicateFilter.Kept(rows.mm(rows.t()), rows.square().sum(1), 0.99);

        CollectionAssert.AreEqual(new long[] { 0, 1, 3 }, kept.data<long>().ToArray());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Direction_RepeatedSample_IsThatOfTheBatchWithout(bool literal)
    {
        using var scope = NewDisposeScope();
        var options = Ief with { LiteralEq8 = literal, DuplicateThreshold = 0.99 };
        using var network = new RandomNetwork(2, [4, 3], 4, 3);
        var (labels, inputs) = (network.Labels(3, 4), network.Inputs);
        var expected = Direction(network, labels, options with { DuplicateThreshold = null });

        network.Inputs = cat([inputs, inputs.narrow(0, 1, 1)]);
        var actual = Direction(network, cat([labels, labels.narrow(0, 1, 1)]), options);

        Fixture.AssertClose(expected, actual);
    }

    private static Tensor Direction(RandomNetwork network, Tensor labels, IefOptions options)
    {
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, network.Forward);
        using var optimizer = new ImprovedEmpiricalFisher(network.Parameters, options);
        return FlatVector.Join(optimizer.Direction(batch), network.Parameters);
    }
}
