using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

/// <summary>Networks defined in code.</summary>
[TestClass]
public sealed class FromScratchTests
{
    private const int ImageSize = 8;
    private const int ClassCount = 2;

    [TestMethod]
    public void Mlp_ForCifar_HasTheWeightsOfThePaper()
    {
        using var network = new MlpClassifier(new MlpConfig { ImageSize = 32 }, 10, seed: 1);

        var count = network.TrainableParameters.Sum(named => named.Value.numel());

        Assert.AreEqual((3072L * 2048) + 2048 + (2048 * 2048) + 2048 + (2048 * 10) + 10, count); // 10.5 million
        Assert.AreEqual("layers.0.weight", network.TrainableParameters[0].Name);
    }

    [TestMethod]
    public void Mlp_Forward_EqualsFormula()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = CreateMlp(1);
        using var inputs = Pictures(3);
        var w = network.TrainableParameters.Select(named => named.Value.detach()).ToArray();

        var logits = network.Forward(inputs);

        var hidden = inputs.Pixels.flatten(1).mm(w[0].t()).add(w[1]).tanh().mm(w[2].t()).add(w[3]).tanh();
        Fixture.AssertClose(hidden.mm(w[4].t()).add(w[5]), logits, 1e-12);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Capture_EveryParameter_EqualsOneSampleAtATime(bool mlp)
    {
        using var scope = NewDisposeScope();
        using var network = Create(mlp, 1);
        using var inputs = Pictures(3);
        using var batch = Evaluate((ITrainableModel)network, inputs);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        var parameters = captured.Parameters.ToArray();

        var rows = PerSampleOracle.Rows(
            n => ((ITrainableModel)network).Forward(ImageFixture.Row(inputs, n)), batch.LogitGradients, parameters); // [N, P]

        CollectionAssert.AreEquivalent(
            ((ITrainableModel)network).TrainableParameters.Select(named => named.Value.Handle).ToArray(),
            parameters.Select(parameter => parameter.Handle).ToArray());
        Fixture.AssertClose(rows, captured.Rows(), 1e-9, 1e-14);
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-10, 1e-14);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Create_Seed_DecidesTheWeights(bool mlp)
    {
        using var scope = NewDisposeScope();
        using var first = Create(mlp, 1);
        using var second = Create(mlp, 1);
        using var other = Create(mlp, 2);

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
    [DataRow(true)]
    [DataRow(false)]
    public void Step_Ief_LearnsToTellPicturesApart(bool mlp)
    {
        using var scope = NewDisposeScope();
        using var network = Create(mlp, 1);
        var model = (ITrainableModel)network;
        using var inputs = Pictures(8);
        using var optimizer = Optimizers.Ief.Create([.. model.TrainableParameters.Select(named => named.Value)], 1);
        var losses = new List<double>();

        for (var step = 0; step < 60; step++)
        {
            using var stepScope = NewDisposeScope();
            using var batch = Evaluate(model, inputs);
            losses.Add(batch.Losses.sum().item<double>());
            optimizer.Step(batch, mlp ? 0.5 : 2);
        }

        Assert.IsLessThan(losses[0] / 3, losses[^1]); // chance is losses[0]
    }

    [TestMethod]
    public void Mlp_OtherSize_SaysWhatIsExpected()
    {
        using var scope = NewDisposeScope();
        using var network = CreateMlp(1);
        using var inputs = new PixelBatch(zeros(2, 3, 8, 9, ScalarType.Float64));

        var exception = Assert.ThrowsExactly<ArgumentException>(() => network.Forward(inputs));

        StringAssert.Contains(exception.Message, "shape [2, 3, 8, 9]; expected [N, 3, 8, 8]");
    }

    private static nn.Module Create(bool mlp, long seed)
    {
        nn.Module network = mlp ? CreateMlp(seed) : ImageClassifier.FromScratch(ViTConfig.Small(ImageSize, 4, 16), ClassCount, seed);
        _ = network.to(ScalarType.Float64);
        return network;
    }

    private static MlpClassifier CreateMlp(long seed)
    {
        var network = new MlpClassifier(new MlpConfig { ImageSize = ImageSize, HiddenSizes = [12, 10], Activation = "tanh" }, ClassCount, seed);
        _ = network.to(ScalarType.Float64);
        return network;
    }

    private static BatchEvaluation Evaluate(ITrainableModel network, PixelBatch inputs)
    {
        var labels = arange(inputs.SampleCount).remainder(ClassCount).to(ScalarType.Int64);
        return BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => network.Forward(inputs));
    }

    private static PixelBatch Pictures(int count) => new(Fixture.Sine(1, 0.37, 0.2, count, 3, ImageSize, ImageSize));

    private static Tensor Flat(nn.Module network) =>
        cat([.. ((ITrainableModel)network).TrainableParameters.Select(named => named.Value.detach().flatten())]);
}
