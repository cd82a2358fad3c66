using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static Microsoft.ML.NaturalGradient.Tests.Oracles.NetworkWeights;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Which parameters of a network are trained: tied ones once, odd shapes, and none that is frozen, replaced or takes no part.</summary>
[TestClass]
public sealed class TrainedParametersTests
{
    private const int Steps = 3;
    private const int Classes = 3;

    [TestMethod]
    public void Step_ParameterThatTakesNoPart_Throws()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network();
        foreach (var options in new OptimizerOptions[] { Ief, Optimizers.AdamW })
        {
            using var optimizer = options.CreateFor([.. network.parameters(), nn.Parameter(zeros(2, 7))], Classes);

            var exception = Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(() => network.call(toy.Inputs), toy.Labels));

            StringAssert.Contains(exception.Message, "4 [2, 7]");
        }
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_ParameterWithoutDimensions_TrainsAsOneOfLengthOne(string name, object method)
    {
        using var scope = NewDisposeScope();
        Fixture.AssertClose(Trained([1]), Trained([]), 1e-9, 1e-11);

        Tensor Trained(long[] shape)
        {
            var toy = new ToyNetwork();
            var network = Network();
            var scale = nn.Parameter(ones(shape, dtype: ScalarType.Float64));
            using var optimizer = ((OptimizerOptions)method).CreateFor([.. network.parameters(), scale], Classes, seed: 3);
            Tensor Forward() => network.call(toy.Inputs).mul(scale);
            for (var step = 0; step < Steps; step++)
            {
                optimizer.Step(Forward, toy.Labels, 0.1);
            }

            var quality = optimizer.MeasureQuality(Forward, toy.Labels, new QualityProbe { Directions = [Ief, Sf with { Samples = 2 }, Ng] });
            Assert.AreNotEqual(1, scale.item<double>(), name);
            return cat([Flat(network), scale.detach().view(1), tensor(quality.Directions.Select(direction => direction.Gamma).ToArray())]);
        }
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_ParametersWithoutNumbers_AreLeftOut(string name, object method)
    {
        using var scope = NewDisposeScope();
        Assert.IsTrue(Trained([]).eq(Trained([nn.Parameter(zeros(0, 4)), nn.Parameter(zeros(4, 0))])).all().item<bool>(), name);
        Assert.ThrowsExactly<ArgumentException>(() => Ief.CreateFor([nn.Parameter(zeros(0))], Classes));

        Tensor Trained(Parameter[] more)
        {
            var toy = new ToyNetwork();
            var network = Network();
            using var optimizer = ((OptimizerOptions)method).CreateFor([.. network.parameters(), .. more], Classes, seed: 3);
            optimizer.Step(() => more.Aggregate(network.call(toy.Inputs), (logits, part) => logits.add(part.sum())), toy.Labels, 0.1);
            return Flat(network);
        }
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_ParameterFrozenInBetween_ThrowsAndChangesNothing(string name, object method)
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network();
        using var ofNetwork = ((OptimizerOptions)method).CreateFor(network, Classes);
        using var ofList = ((OptimizerOptions)method).CreateFor(network.parameters(), Classes);
        ofNetwork.Step(() => network.call(toy.Inputs), toy.Labels, 0.01);
        ((Linear)network[0]).weight.requires_grad = false;
        var before = Flat(network);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => ofNetwork.Step(() => network.call(toy.Inputs), toy.Labels)).Message, "Parameter first.weight has been frozen", name);
        Assert.ThrowsExactly<InvalidOperationException>(() => ofList.Step(() => network.call(toy.Inputs), toy.Labels));
        Assert.ThrowsExactly<InvalidOperationException>(() => ofNetwork.MeasureQuality(() => network.call(toy.Inputs), toy.Labels));

        Assert.IsTrue(Flat(network).eq(before).all().item<bool>());
        ((Linear)network[0]).weight.requires_grad = true;
        ofNetwork.Step(() => network.call(toy.Inputs), toy.Labels, 0.01);
    }

    [TestMethod]
    public void Step_ParameterReplacedInBetween_SaysSo()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network();
        using var optimizer = Ief.CreateFor(network, Classes);
        var layer = (Linear)network[0];
        layer.weight = nn.Parameter(layer.weight.detach().clone()); // disposes the other

        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(() => network.call(toy.Inputs), toy.Labels)).Message, "Parameter first.weight has been disposed or replaced");
    }

    [TestMethod]
    public void CreateFor_ParametersThatCannotBeTrained_Throws()
    {
        using var scope = NewDisposeScope();
        var frozen = nn.Parameter(zeros(2), requires_grad: false);

        Assert.ThrowsExactly<ArgumentException>(() => Ief.CreateFor([], Classes));
        Assert.ThrowsExactly<ArgumentException>(() => Ief.CreateFor([frozen], Classes));
        Assert.ThrowsExactly<ArgumentException>(() => Ief.CreateFor([null!], Classes));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Ief.CreateFor([nn.Parameter(zeros(2))], 1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => (Ief with { Damping = -1 }).CreateFor([nn.Parameter(zeros(2))], Classes));
    }

    [TestMethod]
    public void Step_TiedWeight_IsTrainedOnce()
    {
        using var scope = NewDisposeScope();
        using var first = nn.Linear(3, 3, hasBias: false, dtype: ScalarType.Float64);
        using var second = nn.Linear(3, 3, hasBias: false, dtype: ScalarType.Float64);
        second.weight = first.weight; // another wrapper of the same tensor
        var toy = new ToyNetwork();
        var before = first.weight.detach().clone();
        Tensor Forward() => second.call(first.call(toy.Inputs).tanh());
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), toy.Labels, false, Forward);
        var gradient = batch.MeanGradient([first.weight])[0];
        using var optimizer = Optimizers.Sgd.CreateFor([first.weight, second.weight], Classes);

        optimizer.Step(Forward, toy.Labels, 0.1);

        Fixture.AssertClose(before.sub(gradient.mul(0.1)), first.weight.detach(), 1e-12, 1e-14);
    }

    [TestMethod]
    [DataRow(ScalarType.Float64)]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.BFloat16)]
    [DataRow(ScalarType.Float16)]
    public void Step_EmbeddingThatIsTheHeadToo_IsTrainedOnce(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var table = nn.Embedding(Classes, 4, dtype: type);
        using var head = nn.Linear(4, Classes, hasBias: false, dtype: type);
        head.weight = table.weight!; // two wrappers of one tensor
        var (ids, labels) = (tensor(new long[,] { { 0 }, { 2 } }), tensor(new long[] { 1, 0 }));
        var before = table.weight!.detach().clone();
        using var once = Optimizers.Sgd.CreateFor([table.weight!], Classes);
        using var twice = Optimizers.Sgd.CreateFor([table.weight!, head.weight!], Classes);
        Tensor Forward() => head.call(table.call(ids).squeeze(1));

        once.Step(Forward, labels, 0.5);
        var expected = table.weight!.detach().clone();
        using (no_grad())
        {
            table.weight!.copy_(before);
        }

        twice.Step(Forward, labels, 0.5);

        Assert.IsTrue(expected.eq(table.weight!.detach()).all().item<bool>());
        Assert.IsFalse(expected.eq(before).all().item<bool>());
    }

    private static Sequential Network() => new ToyNetwork().OfTorchSharp();
}
