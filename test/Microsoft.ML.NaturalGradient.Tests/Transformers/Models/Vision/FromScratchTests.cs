using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

/// <summary>A small ViT defined in code.</summary>
[TestClass]
public sealed class FromScratchTests
{
    private const int ImageSize = 8;
    private const int ClassCount = 2;

    [TestMethod]
    public void Capture_EveryParameter_EqualsOneSampleAtATime()
    {
        using var scope = NewDisposeScope();
        using var network = Create(1);
        using var inputs = Pictures(3);
        using var batch = Evaluate(network, inputs);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        var parameters = captured.Parameters.ToArray();

        var rows = PerSampleOracle.Rows(
            n => network.Forward(ImageFixture.Row(inputs, n)), batch.LogitGradients, parameters); // [N, P]

        CollectionAssert.AreEquivalent(
            network.TrainableParameters.Select(named => named.Value.Handle).ToArray(),
            parameters.Select(parameter => parameter.Handle).ToArray());
        Fixture.AssertClose(rows, captured.Rows(), 1e-9, 1e-14);
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-10, 1e-14);
    }

    [TestMethod]
    public void Create_Seed_DecidesTheWeights()
    {
        using var scope = NewDisposeScope();
        using var first = Create(1);
        using var second = Create(1);
        using var other = Create(2);

        Assert.IsTrue(Flat(first).Equals(Flat(second)));
        Assert.IsFalse(Flat(first).allclose(Flat(other)));
    }

    [TestMethod]
    public void ViT_FromScratch_StartsWithTheReferenceDeviation()
    {
        using var scope = NewDisposeScope();
        using var network = ImageClassifier.FromScratch(ViTConfig.Small(32, 4), 10, seed: 1);
        var parameters = network.TrainableParameters.ToDictionary(named => named.Name, named => named.Value.detach());

        foreach (var name in new[] { "vit.embeddings.position_embeddings", "vit.embeddings.patch_embeddings.projection.weight", "vit.encoder.layer.3.output.dense.weight" })
        {
            Assert.AreEqual(0.02, parameters[name].std().item<float>(), 0.001, name); // thousands of draws
            Assert.AreEqual(0, parameters[name].mean().item<float>(), 0.001, name);
        }

        Assert.AreEqual(0, parameters["vit.encoder.layer.0.intermediate.dense.bias"].abs().max().item<float>());
        Assert.AreEqual(1, parameters["vit.layernorm.weight"].min().item<float>());
    }

    [TestMethod]
    public void Step_Ief_LearnsToTellPicturesApart()
    {
        using var scope = NewDisposeScope();
        using var network = Create(1);
        using var inputs = Pictures(8);
        using var optimizer = Optimizers.Ief.Create([.. network.TrainableParameters.Select(named => named.Value)], 1);
        var losses = new List<double>();

        for (var step = 0; step < 60; step++)
        {
            using var stepScope = NewDisposeScope();
            using var batch = Evaluate(network, inputs);
            losses.Add(batch.Losses.sum().item<double>());
            optimizer.Step(batch, 2);
        }

        Fixture.AssertLess(losses[0] / 3, losses[^1]); // chance is losses[0]
    }

    private static ImageClassifier Create(long seed)
    {
        var network = ImageClassifier.FromScratch(ViTConfig.Small(ImageSize, 4, 16), ClassCount, seed);
        _ = network.to(ScalarType.Float64);
        return network;
    }

    private static BatchEvaluation Evaluate(ImageClassifier network, PixelBatch inputs)
    {
        var labels = arange(inputs.SampleCount).remainder(ClassCount).to(ScalarType.Int64);
        return BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => network.Forward(inputs));
    }

    private static PixelBatch Pictures(int count) => new(Fixture.Sine(1, 0.37, 0.2, count, 3, ImageSize, ImageSize));

    private static Tensor Flat(ImageClassifier network) =>
        cat([.. network.TrainableParameters.Select(named => named.Value.detach().flatten())]);
}
