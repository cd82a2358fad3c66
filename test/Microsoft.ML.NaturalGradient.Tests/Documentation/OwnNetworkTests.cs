using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>What docs/optimizers.md shows on networks of TorchSharp's own layers.</summary>
[TestClass]
public sealed class OwnNetworkTests
{
    private const int Pictures = 24;

    [TestMethod]
    public void SmallConvolutionalNetwork_TrainsByOneBackwardPassAStep()
    {
        using var scope = NewDisposeScope();
        var pixels = Fixture.Sine(1, 0.9, 0.4, Pictures, 1, 28, 28).to(ScalarType.Float32);
        var labels = arange(Pictures).remainder(10);
        manual_seed(1);
        #region OwnNetwork
        using var network = nn.Sequential(
            ("patches", nn.Conv2d(1, 8, 4, stride: 4)), ("relu", nn.ReLU()), ("flatten", nn.Flatten()), ("output", nn.Linear(8 * 7 * 7, 10)));
        using var optimizer = Ief.CreateFor(network, classCount: 10); // or any other member of Optimizers

        var loss = double.NaN;
        for (var step = 0; step < 20; step++)
        {
            loss = optimizer.Step(() => network.call(pixels), labels).Loss; // pixels [N, 1, 28, 28], labels [N]
        }
        #endregion

        #region PrunedNetwork
        using var pruner = new PruningOptions { Fisher = PruningFisher.Ief }.CreateFor(network, classCount: 10);
        pruner.Add(() => network.call(pixels), labels);  // a few hundred samples, in as many batches as it takes
        var kept = pruner.Prune(sparsity: 0.5);          // Boolean masks by name, here "patches.weight" and "output.weight"
        #endregion

        Assert.IsTrue(optimizer.UsesRecordedLayers);
        Fixture.AssertLess(0.1, loss);
        CollectionAssert.AreEquivalent(new[] { "patches.weight", "output.weight" }, kept.Keys.ToArray());
        Assert.AreEqual(pixels.shape[0], network.call(pixels).argmax(1).eq(labels).sum().item<long>());
    }
}
