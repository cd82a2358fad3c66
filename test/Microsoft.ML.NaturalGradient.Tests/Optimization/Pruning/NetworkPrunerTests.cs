using Microsoft.ML.NaturalGradient.Pruning;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Pruning;

[TestClass]
public sealed class NetworkPrunerTests
{
    private const int Classes = 3;
    private const int Samples = 5;
    private const string FirstWeight = "first.weight";
    private const string LastWeight = "second.weight";

    [TestMethod]
    [DataRow(PruningFisher.Ef)]
    [DataRow(PruningFisher.Ief)]
    public void Prune_OneWeight_EqualsPruningByGradientsOfEachSample(PruningFisher fisher)
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network();
        var weight = ((Linear)network[2]).weight;
        ((Linear)network[0]).weight.requires_grad = false;
        var (gradients, norms) = OneAtATime(network, weight, inputs, labels);
        var expected = weight.detach().clone();
        var options = new PruningOptions { Fisher = fisher, BlockSize = 5 };
        using var expectedMask = FisherPruning.Prune(expected, gradients, norms, 0.4, options);
        using var pruner = options.CreateFor(network, Classes);

        pruner.Add(() => network.call(inputs), labels);
        var masks = pruner.Prune(0.4);

        CollectionAssert.AreEqual(new[] { LastWeight }, masks.Keys.ToArray());
        Assert.IsTrue(expectedMask.equal(masks[LastWeight]).all().item<bool>());
        Assert.AreEqual(7, masks[LastWeight].sum().item<long>()); // 12 weights, 5 removed
        Fixture.AssertClose(expected, weight);
        Assert.IsTrue(pruner.UsesRecordedLayers);
    }

    [TestMethod]
    public void Prune_AllWeights_RanksThemTogetherAndLeavesBiases()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network();
        var biases = ((Linear)network[0]).bias!.detach().clone();
        var scaled = ((Linear)network[0]).weight;
        using (no_grad())
        {
            scaled.mul_(1e-6);
        }

        using var pruner = new PruningOptions { Compensate = false }.CreateFor(network, Classes);
        pruner.Add(() => network.call(inputs), labels);
        var masks = pruner.Prune(0.5);

        Assert.AreEqual(1, masks[FirstWeight].sum().item<long>(), "all of the small ones go but the last");
        Assert.AreEqual(11, masks[LastWeight].sum().item<long>());
        Fixture.AssertClose(biases, ((Linear)network[0]).bias!, 0, 0);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Prune_NearlyAll_LeavesEachLayerItsMostImportantWeight(bool compensate)
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network();
        using var pruner = new PruningOptions { Compensate = compensate, BlockSize = 1 }.CreateFor(network, Classes);
        pruner.Add(() => network.call(inputs), labels);
        var most = pruner.Prune(0.25); // saliencies of blocks of one do not depend on the sparsity

        var masks = pruner.Prune(0.999);

        Assert.AreEqual(22, Zeros(network), "24 weights in two layers");
        foreach (var (name, mask) in masks)
        {
            Assert.AreEqual(1, mask.sum().item<long>(), name);
            Assert.AreEqual(1, mask.logical_and(most[name]).sum().item<long>(), name);
        }
    }

    [TestMethod]
    public void Prune_SeveralBatches_EqualsOneBatch()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var whole = Network();
        using var parts = Network();
        using var one = new PruningOptions().CreateFor(whole, Classes);
        using var two = new PruningOptions().CreateFor(parts, Classes);

        one.Add(() => whole.call(inputs), labels);
        two.Add(() => parts.call(inputs[..2]), labels[..2]);
        two.Add(() => parts.call(inputs[2..]), labels[2..]);
        one.Prune(0.5);
        two.Prune(0.5);

        Assert.AreEqual(Samples, two.SampleCount);
        Fixture.AssertClose(NetworkWeights.Flat(whole), NetworkWeights.Flat(parts));
        Assert.AreEqual(12, Zeros(whole)); // of 24
    }

    [TestMethod]
    public void Prune_AgainAndRestore_StartFromTheFirstWeights()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network();
        using var other = Network();
        var before = NetworkWeights.Flat(network);
        using var pruner = new PruningOptions().CreateFor(network, Classes);
        using var atOnce = new PruningOptions().CreateFor(other, Classes);
        pruner.Add(() => network.call(inputs), labels);
        atOnce.Add(() => other.call(inputs), labels);

        pruner.Prune(0.9);
        pruner.Prune(0.25);
        atOnce.Prune(0.25);

        Fixture.AssertClose(NetworkWeights.Flat(other), NetworkWeights.Flat(network), 0, 0);
        pruner.Restore();
        Fixture.AssertClose(before, NetworkWeights.Flat(network), 0, 0);
    }

    [TestMethod]
    [DataRow(PruningFisher.Ef)]
    [DataRow(PruningFisher.Ief)]
    public void Prune_TrainedNetwork_LosesAccuracyOnlyAtHighSparsity(PruningFisher fisher)
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network();
        using (var optimizer = Optimizers.Ief.CreateFor(network, Classes))
        {
            for (var step = 0; step < 60; step++)
            {
                optimizer.Step(() => network.call(inputs), labels, 1);
            }
        }

        using var pruner = new PruningOptions { Fisher = fisher }.CreateFor(network, Classes);
        pruner.Add(() => network.call(inputs), labels);
        var accuracies = new[] { 0, 0.25, 0.95 }.Select(sparsity =>
        {
            pruner.Prune(sparsity);
            return network.call(inputs).argmax(1).eq(labels).sum().item<long>();
        }).ToArray();

        Assert.AreEqual(Samples, accuracies[0]);
        Assert.AreEqual(Samples, accuracies[1], "a quarter of the weights is spare");
        Fixture.AssertLess(Samples, accuracies[2], "hardly a weight is left");
    }

    [TestMethod]
    public void Prune_LayerUsedTwice_CountsItsWeightsOnce()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        manual_seed(4);
        var layer = nn.Linear(3, 3, dtype: ScalarType.Float64);
        using var network = nn.Sequential(("first", layer), ("tanh", nn.Tanh()), ("again", layer));
        var (gradients, norms) = OneAtATime(network, layer.weight, inputs, labels);
        var expected = layer.weight.detach().clone();
        using var mask = FisherPruning.Prune(expected, gradients, norms, 0.5);
        using var pruner = new PruningOptions().CreateFor(network, Classes);

        pruner.Add(() => network.call(inputs), labels);
        var masks = pruner.Prune(0.5);

        CollectionAssert.AreEqual(new[] { FirstWeight }, masks.Keys.ToArray());
        Fixture.AssertClose(expected, layer.weight);
    }

    [TestMethod]
    public void Prune_LayersWithoutARule_TakesSingleSamples()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = (Fixture.Sine(1, 0.9, 0.4, Samples, 2, 3, 3), Data().Labels);
        using var network = nn.Sequential(nn.Conv2d(2, 4, 3, groups: 2), nn.Tanh(), nn.Flatten(), nn.Linear(4, Classes)).to(ScalarType.Float64);
        Parameter[] weights = [((Conv2d)network[0]).weight, ((Linear)network[3]).weight];
        var expected = weights.Select(weight =>
        {
            var (gradients, norms) = OneAtATime(network, weight, inputs, labels);
            var part = new PruningPart(weight.detach().clone(), 50);
            part.Fisher.Add(FisherPruning.Scaled(gradients.flatten(1), norms, PruningFisher.Ief));
            return part;
        }).ToArray();
        PruningPart.Invert(expected, 0.01);
        PruningPart.Prune(expected, 0.5, compensate: true);
        using var pruner = new PruningOptions().CreateFor(network, Classes);

        pruner.Add(() => network.call(inputs), labels);
        pruner.Prune(0.5);

        Assert.IsFalse(pruner.UsesRecordedLayers);
        foreach (var (part, weight) in expected.Zip(weights))
        {
            Fixture.AssertClose(part.Weights, weight);
            part.Dispose();
        }
    }

    [TestMethod]
    public void Prune_Regression_UsesSquaredError()
    {
        using var scope = NewDisposeScope();
        var (inputs, _) = Data();
        var targets = Fixture.Sine(1, 0.5, 0.1, Samples);
        manual_seed(4);
        using var network = nn.Sequential(nn.Linear(3, 1)).to(ScalarType.Float64);
        var weight = ((Linear)network[0]).weight;
        var residuals = network.call(inputs).squeeze(1).sub(targets).detach();
        var expected = weight.detach().clone();
        using var mask = FisherPruning.Prune(expected, residuals.view(-1, 1, 1).mul(inputs.unsqueeze(1)), residuals.square(), 0.5);
        using var pruner = new PruningOptions().CreateForRegression(network);

        pruner.Add(() => network.call(inputs), targets);
        pruner.Prune(0.5);

        Fixture.AssertClose(expected, weight);
    }

    [TestMethod]
    public void Create_NothingToPrune_Throws()
    {
        using var scope = NewDisposeScope();
        using var network = nn.Sequential(nn.LayerNorm(3));
        using var frozen = nn.Sequential(nn.Linear(2, 2, hasBias: false));
        frozen.parameters().Single().requires_grad = false;

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => new PruningOptions().CreateFor(network, 3)).Message, "nothing to prune");
        Assert.ThrowsExactly<ArgumentException>(() => new PruningOptions().CreateFor(frozen, 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new PruningOptions { Damping = 0 }.CreateFor(network, 3));
    }

    [TestMethod]
    public void Calls_OutOfOrderOrRange_ThrowAndLeaveTheNetwork()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network();
        var before = NetworkWeights.Flat(network);
        var pruner = new PruningOptions().CreateFor(network, Classes);

        Assert.ThrowsExactly<InvalidOperationException>(() => pruner.Prune(0.5), "no batch");
        Assert.ThrowsExactly<ArgumentException>(() => pruner.Add(() => network.call(inputs), labels.add(1)), "a label out of range");
        pruner.Add(() => network.call(inputs), labels);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => pruner.Prune(1));
        Fixture.AssertClose(before, NetworkWeights.Flat(network), 0, 0);
        pruner.Prune(0.5);
        Assert.ThrowsExactly<InvalidOperationException>(() => pruner.Add(() => network.call(inputs), labels), "the matrix is inverted");
        pruner.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => pruner.Prune(0.5));
    }

    [TestMethod]
    public void Prune_GradientNotFinite_ThrowsAndLeavesTheNetwork()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network().to(ScalarType.Float32);
        var before = NetworkWeights.Flat(network);
        using var pruner = new PruningOptions { Fisher = PruningFisher.Ef }.CreateFor(network, Classes);
        var infinite = inputs.to(ScalarType.Float32);
        infinite[0, 0] = tensor(float.PositiveInfinity);

        pruner.Add(() => network.call(infinite), labels); // tanh makes it finite again, its gradient is not

        Assert.ThrowsExactly<InvalidOperationException>(() => pruner.Prune(0.5));
        Fixture.AssertClose(before, NetworkWeights.Flat(network), 0, 0);
    }

    [TestMethod]
    public void Pruner_Repeated_LeavesNoTensors()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = Data();
        using var network = Network();
        Use();
        var before = LiveTensors.Settled();

        Use();

        Assert.AreEqual(before, Tensor.TotalCount);

        void Use()
        {
            using var own = NewDisposeScope();
            using var pruner = new PruningOptions().CreateFor(network, Classes);
            pruner.Add(() => network.call(inputs), labels);
            pruner.Prune(0.5);
            pruner.Restore();
        }
    }

    private static (Tensor Inputs, Tensor Labels) Data()
    {
        var toy = new ToyNetwork();
        return (toy.Inputs, toy.Labels);
    }

    private static Sequential Network() => new ToyNetwork().OfTorchSharp();

    private static (Tensor Gradients, Tensor Norms) OneAtATime(Sequential network, Parameter weight, Tensor inputs, Tensor labels)
    {
        var (gradients, norms) = (new List<Tensor>(), new List<Tensor>());
        for (var n = 0; n < Samples; n++)
        {
            network.zero_grad();
            var logits = network.call(inputs.narrow(0, n, 1));
            nn.functional.cross_entropy(logits, labels.narrow(0, n, 1)).backward();
            gradients.Add(weight.grad!.clone());
            norms.Add(logits.detach().softmax(1).sub(nn.functional.one_hot(labels.narrow(0, n, 1), Classes)).square().sum());
        }

        return (stack(gradients), stack(norms));
    }

    private static long Zeros(Sequential network) => network.parameters().Where(parameter => parameter.dim() > 1)
        .Sum(weight => weight.numel() - weight.count_nonzero().item<long>());
}
