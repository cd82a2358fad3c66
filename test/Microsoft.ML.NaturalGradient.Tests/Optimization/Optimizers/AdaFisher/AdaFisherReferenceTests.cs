using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Ten steps of the released code on the toy network: losses, weights, factors and the range of F.</summary>
[TestClass]
public sealed class AdaFisherReferenceTests
{
    private static readonly AdaFisherOptions Reference = Optimizers.AdaFisher with { Variant = AdaFisherVariant.Reference };

    [TestMethod]
    public void Step_EveryStepAnUpdate_FollowsReference() =>
        AssertRun("AdaFisher_lr1e-3_TCov1_wd0", Reference with { FactorInterval = 1 });

    [TestMethod]
    public void Step_EveryFifthStepAnUpdateWithWeightDecay_FollowsReference() =>
        AssertRun("AdaFisher_lr1e-3_TCov5_wd5e-4", Reference with { FactorInterval = 5, WeightDecay = 5e-4 });

    [TestMethod]
    public void Step_Defaults_FollowReference() => AssertRun("AdaFisher_lr1e-3_TCov100_default", Reference);

    [TestMethod]
    public void Step_DecoupledWeightDecay_FollowsReference() =>
        AssertRun(
            "AdaFisherW_lr1e-3_wd0.01_lam3e-3",
            Optimizers.AdaFisherW with { Variant = AdaFisherVariant.Reference, WeightDecay = 0.01, Damping = 3e-3 });

    [TestMethod]
    public void Step_LayerNormalisation_FollowsReference() =>
        AssertRun("AdaFisher_LayerNorm2D_TCov1", Reference with { FactorInterval = 1 }, layerNormalisation: true);

    private static void AssertRun(string name, AdaFisherOptions options, bool layerNormalisation = false)
    {
        using var scope = NewDisposeScope();
        var run = Fixture.Read("spec/adafisher_reference.json").GetProperty(name);
        var network = new ToyNetwork();
        var norm = layerNormalisation ? new[] { nn.Parameter(ones(4, ScalarType.Float64)), nn.Parameter(zeros(4, ScalarType.Float64)) } : [];
        Parameter[] parameters = [network.Parameters[0], network.Parameters[1], .. norm, network.Parameters[2], network.Parameters[3]];
        using var optimizer = (AdaFisher)options.Create(parameters, 0);

        for (var step = 0; step < 10; step++)
        {
            var expected = run.GetProperty("trajectory")[step];
            using var batch = BatchEvaluation.Run(
                new SoftmaxCrossEntropy(),
                network.Labels,
                optimizer.NeedsPerSampleGradients,
                () => layerNormalisation ? Normalised(network, norm) : network.Forward());
            Assert.AreEqual(expected.GetProperty("loss_before").GetDouble(), batch.Losses.mean().item<double>(), 1e-9, $"step {step}");
            optimizer.Step(batch, 1e-3);
            Fixture.AssertClose(
                expected.GetProperty("theta").ToTensor(), cat([.. parameters.Select(parameter => parameter.detach().flatten())]), 1e-8, 1e-9);
            if (step < run.GetProperty("factors").GetArrayLength())
            {
                AssertFactors(run.GetProperty("factors")[step], optimizer);
            }
        }
    }

    private static void AssertFactors(JsonElement expected, AdaFisher optimizer)
    {
        for (var layer = 0; layer < optimizer.Blocks!.Count; layer++)
        {
            var block = optimizer.Blocks[layer];
            var fisher = cat([.. block.Fisher().Select(pair => pair.Fisher.flatten())]);
            Fixture.AssertClose(expected[layer].GetProperty("H").ToTensor(), block.InputFactor!, 1e-8, 1e-12);
            Fixture.AssertClose(expected[layer].GetProperty("S").ToTensor(), block.ErrorFactors[0], 1e-8, 1e-12);
            Assert.AreEqual(expected[layer].GetProperty("Fmin").GetDouble(), fisher.min().item<double>(), 1e-10);
            Assert.AreEqual(expected[layer].GetProperty("Fmax").GetDouble(), fisher.max().item<double>(), 1e-10);
        }
    }

    // Linear(3,4), layer normalisation, tanh, Linear(4,3).
    private static Tensor Normalised(ToyNetwork network, Parameter[] norm)
    {
        var first = ToyNetwork.Linear(network.Inputs, network.Parameters[0], network.Parameters[1]);
        var normalized = nn.functional.layer_norm(first, [4]);
        var shifted = normalized.mul(norm[0]).add(norm[1]);
        if (GradientTape.Current is { } tape)
        {
            shifted = tape.Record(shifted, new ScaleUse(norm[0], normalized, first), new BiasUse(norm[1]));
        }

        return ToyNetwork.Linear(tanh(shifted), network.Parameters[2], network.Parameters[3]);
    }
}
