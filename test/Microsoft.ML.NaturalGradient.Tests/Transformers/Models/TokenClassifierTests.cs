using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Heads for tokens and spans on every encoder of texts; float64.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TokenClassifierTests
{
    public static IEnumerable<object[]> All => EncoderFixture.OfTexts.SelectMany(row => new[] { HeadKind.Tokens, HeadKind.Spans }.SelectMany(kind =>
        new AdapterOptions[] { new LoraOptions { Rank = 2, Alpha = 4 }, new FullFineTuningOptions() }.Select(adapter => new object[] { row[0], kind.ToString(), adapter })));

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Gram_OfEveryEncoder_IsThatOfOneSampleAtATime(string encoder, string kind, AdapterOptions adapter)
    {
        using var scope = NewDisposeScope();
        using var network = Create(encoder, Enum.Parse<HeadKind>(kind), adapter);
        EncoderFixture.Perturb(network);
        using var inputs = new EncoderFixture(encoder).Inputs();
        var (objective, labels) = Task(network.HeadKind, inputs.Mask);

        using var batch = BatchEvaluation.Run(objective, labels, true, () => network.Forward(inputs));
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);

        var parameters = network.TrainableParameters.Select(named => (Tensor)named.Value).ToArray();
        var rows = PerSampleOracle.Rows(n => network.Forward(inputs.Slice(n, 1)), batch.LogitGradients, parameters); // [N, P]
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-8, 1e-10);
        Fixture.AssertClose(batch.LogitGradients.square().flatten(1).sum(1), batch.SquaredNorms, 1e-12);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Forward_FrozenLayersKept_IsTheSame(string encoder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = Create(encoder, HeadKind.Tokens, new HeadOnlyOptions());
        network.SetTraining(false);
        using var inputs = new EncoderFixture(encoder).Inputs();

        var layers = network.FrozenLayers;
        var states = network.FrozenOutput(inputs, layers);
        var kept = network.Forward(new TokenBatch(inputs.Ids, inputs.Mask, inputs.TypeIds, inputs.IsPadded, new FrozenStates(layers, states)));

        Assert.AreEqual(network.Base.LayerCount, layers);
        Fixture.AssertClose(network.Forward(inputs).mul(inputs.Mask.unsqueeze(-1)), kept.mul(inputs.Mask.unsqueeze(-1)), 1e-12, 1e-12);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Outputs_WithAPrompt_AreThoseOfTheTokensAlone(string encoder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = Create(encoder, HeadKind.Spans, new PromptTuningOptions { TokenCount = 3 });
        network.SetTraining(false);
        using var inputs = new EncoderFixture(encoder).Inputs();
        using var plain = Create(encoder, HeadKind.Spans, new HeadOnlyOptions());

        var outputs = network.Outputs(inputs);

        CollectionAssert.AreEqual(new[] { inputs.Ids.shape[0], inputs.Ids.shape[1], 2 }, outputs.shape);
        CollectionAssert.AreEqual(new[] { inputs.Ids.shape[0], 2, inputs.Ids.shape[1] }, network.Forward(inputs).shape);
        Assert.IsFalse(outputs.allclose(plain.Outputs(inputs)), "The prompt is seen.");
    }

    private static TokenClassifier Create(string encoder, HeadKind kind, AdapterOptions adapter)
    {
        using var files = new EncoderFixture(encoder).OpenFiles();
        var checkpoint = TextCheckpoint.Load(ClassifierConfig.OpenAsEncoder(files), null, network => ((TextEncoder)network).HeadOf(kind));
        var network = new TokenClassifier(checkpoint.Encoder, kind == HeadKind.Spans ? 2 : 4, kind, adapter, seed: 1);
        _ = network.to(ScalarType.Float64);
        return network;
    }

    private static (IObjective Objective, Tensor Labels) Task(HeadKind kind, Tensor mask)
    {
        if (kind == HeadKind.Tokens)
        {
            var classes = arange(mask.numel(), ScalarType.Int64).remainder(4).view(mask.shape);
            return (new SoftmaxCrossEntropy(), classes.where(mask.eq(1), full_like(classes, SoftmaxCrossEntropy.IgnoredLabel)));
        }

        var lengths = mask.sum(1, keepdim: true);
        return (new SpanCrossEntropy(), cat([ones_like(lengths), lengths.sub(1), ones_like(lengths), lengths], 1));
    }
}
