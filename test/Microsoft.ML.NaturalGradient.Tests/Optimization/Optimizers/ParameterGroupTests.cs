using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Learning rates and weight decay of groups, for every method.</summary>
[TestClass]
public sealed class ParameterGroupTests
{
    private const double Rate = 0.05;
    private const double Factor = 9;

    // Of the toy network W1, b1, W2, b2.
    private static readonly ParameterGroups Faster = [new ParameterGroup("2") { RateFactor = Factor }];

    public static IEnumerable<object[]> InCoordinates =>
    [
        ["iEF", Ief, 1e-9],
        ["iEF as in eq. (8)", Ief with { LiteralEq8 = true, Damping = 1e-3 }, 1e-9],
        ["iEF with momentum", Ief with { Momentum = 0.5 }, 1e-9],
        ["iEF with measured steps", Ief with { AutomaticStep = new AutomaticStep { Every = 1 } }, 1e-5],
        ["EF", Ef with { NormalizeUpdate = false }, 1e-9],
        ["SF", Sf with { NormalizeUpdate = false }, 1e-9],
        ["NG", Ng, 1e-9],
        ["NG-CG", Optimizers.HessianFree with { Tolerance = 1e-10, MostIterations = 200 }, 1e-5],
    ];

    public static IEnumerable<object[]> ByStep => EveryOptimizer.All.Where(row => row[1] is not NaturalGradientOptions);

    public static IEnumerable<object[]> WithDecay =>
    [
        [Optimizers.Sgd with { WeightDecay = 0.1 }, Optimizers.Sgd],
        [Optimizers.Sgd with { WeightDecay = 0.1, NormalizeUpdate = true }, Optimizers.Sgd with { NormalizeUpdate = true }],
        [Optimizers.AdamW with { WeightDecay = 0.1 }, Optimizers.AdamW],
        [Optimizers.FAdam, Optimizers.FAdam with { WeightDecay = 0 }],
        [Optimizers.Adafactor with { WeightDecay = 0.1 }, Optimizers.Adafactor],
        [Optimizers.RootFreeRmsProp with { WeightDecay = 0.1 }, Optimizers.RootFreeRmsProp],
        [Optimizers.RootFreeAdamW with { WeightDecay = 0.1 }, Optimizers.RootFreeAdamW],
        [Optimizers.SirfShampoo with { WeightDecay = 0.1 }, Optimizers.SirfShampoo],
        [Optimizers.AdaFisher with { WeightDecay = 0.1 }, Optimizers.AdaFisher],
        [Optimizers.AdaFisherW, Optimizers.AdaFisherW with { WeightDecay = 0 }],
        [Ief with { WeightDecayPerStep = 0.1 }, Ief],
    ];

    [TestMethod]
    [DynamicData(nameof(InCoordinates))]
    public void Step_RateFactor_IsAChangeOfCoordinates(string name, object method, double tolerance)
    {
        using var scope = NewDisposeScope();
        var options = (NaturalGradientOptions)method;
        var (grouped, turned) = (new ToyNetwork(), new ToyNetwork());
        using (no_grad())
        {
            turned.Parameters[2].copy_(turned.Parameters[2].div(Math.Sqrt(Factor))); // φ
        }

        Tensor OfTurned() => nn.functional.linear(
            tanh(nn.functional.linear(turned.Inputs, turned.Parameters[0], turned.Parameters[1])), turned.Parameters[2].mul(Math.Sqrt(Factor)), turned.Parameters[3]);
        using var left = Build(options with { Groups = Faster }, grouped);
        using var right = Build(options, turned);

        for (var step = 0; step < 3; step++)
        {
            using var mine = BatchEvaluation.Run(new SoftmaxCrossEntropy(), grouped.Labels, left.NeedsPerSampleGradients, grouped.Forward);
            using var naive = BatchEvaluation.Run(new SoftmaxCrossEntropy(), turned.Labels, right.NeedsPerSampleGradients, OfTurned, allowsSingleSamples: true);
            var direction = ((IUpdateDirection)left).Direction(mine);
            using var again = BatchEvaluation.Run(new SoftmaxCrossEntropy(), grouped.Labels, left.NeedsPerSampleGradients, grouped.Forward);
            var before = grouped.Flat();
            left.Step(again, Rate);
            right.Step(naive, Rate);

            for (var i = 0; i < 4; i++)
            {
                Fixture.AssertClose(turned.Parameters[i].detach().mul(i == 2 ? Math.Sqrt(Factor) : 1), grouped.Parameters[i].detach(), tolerance, tolerance);
            }

            if (step == 0 && options.AutomaticStep is null)
            {
                Fixture.AssertClose(FlatVector.Join(direction, grouped.Parameters).mul(-Rate), grouped.Flat().sub(before), tolerance, tolerance);
            }
        }

        Fixture.AssertLess(grouped.Flat().sub(new ToyNetwork().Flat()).norm().item<double>(), 1e-4, name);
    }

    [TestMethod]
    [DynamicData(nameof(ByStep))]
    public void Step_RateFactor_MultipliesTheStep(string name, object method)
    {
        using var scope = NewDisposeScope();
        var options = (OptimizerOptions)method with { NoDecay = NoDecay.Nothing };
        var (alike, grouped) = (Moves(options), Moves(options with { Groups = Faster }));

        // AdamQLR chooses the length of the whole step anew.
        var common = options is AdamQlrOptions ? grouped[0].norm().item<double>() / alike[0].norm().item<double>() : 1;
        for (var i = 0; i < 4; i++)
        {
            Fixture.AssertClose(alike[i].mul(common * (i == 2 ? Factor : 1)), grouped[i], 1e-9, 1e-14);
        }

        Fixture.AssertLess(alike[2].norm().item<double>(), 0, name);
    }

    [TestMethod]
    [DynamicData(nameof(ByStep))]
    public void Direction_RateFactor_MultipliesItsPart(string name, object method)
    {
        using var scope = NewDisposeScope();
        var (network, options) = (new ToyNetwork(), (OptimizerOptions)method);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        batch.KeepsGraph = true;
        using var alike = options.Build(network.Parameters, seed: 1);
        using var grouped = (options with { Groups = Faster }).Build(network.Parameters, seed: 1);
        if (alike is not IUpdateDirection plain)
        {
            return; // has no direction of a single batch
        }

        var (expected, direction) = (plain.Direction(batch), ((IUpdateDirection)grouped).Direction(batch));
        for (var i = 0; i < 4; i++)
        {
            Fixture.AssertClose(expected[network.Parameters[i]].mul(i == 2 ? Factor : 1), direction[network.Parameters[i]], 1e-10, 1e-14);
        }

        Fixture.AssertLess(expected[network.Parameters[2]].norm().item<double>(), 0, name);
    }

    [TestMethod]
    public void Measure_MethodOfAProbe_HasItsOwnGroups()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var trained = ParameterSet.Of(network.Parameters).Divide(Faster, NoDecay.Nothing); // as an optimizer with groups has them
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        batch.KeepsGraph = true;
        double Gamma(OptimizerOptions method, IReadOnlyList<Parameter> parameters) =>
            new ApproximationQuality(parameters, new QualityProbe { Directions = [method] }, 1).Measure(batch).Directions[0].Gamma;

        Assert.AreEqual(Gamma(Ief, network.Parameters), Gamma(Ief, trained), 1e-12);
        Assert.AreNotEqual(Gamma(Ief, network.Parameters), Gamma(Ief with { Groups = Faster }, trained), 1e-6);
    }

    [TestMethod]
    public void Step_OfUnitLengthWithGroups_HasTheLengthOfTheLearningRate()
    {
        using var scope = NewDisposeScope();
        foreach (OptimizerOptions options in new OptimizerOptions[] { Ef, Sf, Optimizers.Sgd with { NormalizeUpdate = true } })
        {
            var length = cat([.. Moves(options with { Groups = Faster }).Select(move => move.flatten())]).norm().item<double>();

            Assert.AreEqual(Rate, length, 1e-10);
        }
    }

    [TestMethod]
    [DynamicData(nameof(WithDecay))]
    public void Step_WeightDecay_LeavesBiasesAloneUnlessToldOtherwise(object decaying, object plain)
    {
        using var scope = NewDisposeScope();
        var options = (OptimizerOptions)decaying;
        // Directions of unit length mix the parameters.
        if (options is MeanGradientOptions { NormalizeUpdate: true })
        {
            var free = Moves(options);
            var ratio = free[1].norm().item<double>() / Moves((OptimizerOptions)plain)[1].norm().item<double>();
            Fixture.AssertClose(Moves((OptimizerOptions)plain)[1].mul(ratio), free[1], 1e-9, 1e-14);
            return;
        }

        var (none, all, standard) = (Moves((OptimizerOptions)plain), Moves(options with { NoDecay = NoDecay.Nothing }), Moves(options));
        var chosen = Moves(options with { Groups = [new ParameterGroup("0") { DecayFactor = 0 }, new ParameterGroup("?") { DecayFactor = 1 }] });
        for (var i = 0; i < 4; i++)
        {
            Fixture.AssertClose(i % 2 == 1 ? none[i] : all[i], standard[i], 1e-12, 1e-15);
            Fixture.AssertClose(i == 0 ? none[i] : all[i], chosen[i], 1e-12, 1e-15);
            Fixture.AssertLess(none[i].sub(all[i]).norm().item<double>(), 1e-7);
        }
    }

    [TestMethod]
    public void Build_PatternThatMatchesNothing_NamesParameters()
    {
        using var scope = NewDisposeScope();
        using var network = new ToyNetwork().OfTorchSharp();

        var error = Assert.ThrowsExactly<ArgumentException>(() => (Ief with { Groups = [ParameterGroup.LoraPlus()] }).CreateFor(network, 3));

        StringAssert.Contains(error.Message, "'*lora_B*'");
        StringAssert.Contains(error.Message, "'first.weight'");
        StringAssert.Contains(error.Message, "'second.bias'");
    }

    [TestMethod]
    public void CreateFor_NetworkWithGroups_FindsLayersByName()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = toy.OfTorchSharp();
        using var optimizer = (Optimizers.Sgd with { Groups = [new ParameterGroup("second.*") { RateFactor = 2 }] }).CreateFor(network, 3);
        using var reference = Optimizers.Sgd.Build(toy.Parameters, 0);
        var before = toy.Flat();

        optimizer.Step(() => network.call(toy.Inputs), toy.Labels, Rate);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), toy.Labels, false, toy.Forward);
        reference.Step(batch, Rate);

        var moved = cat([.. network.parameters().Select(parameter => parameter.detach().flatten())]).sub(before);
        var expected = toy.Flat().sub(before);
        Fixture.AssertClose(expected.narrow(0, 0, 16), moved.narrow(0, 0, 16), 1e-9, 1e-15);
        Fixture.AssertClose(expected.narrow(0, 16, 15).mul(2), moved.narrow(0, 16, 15), 1e-9, 1e-15);
    }

    [TestMethod]
    public void RestoreState_OfOtherLayers_NamesThem()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = toy.OfTorchSharp();
        using var renamed = nn.Sequential(("one", nn.Linear(3, 4, dtype: ScalarType.Float64)), ("tanh", nn.Tanh()), ("two", nn.Linear(4, 3, dtype: ScalarType.Float64)));
        using var first = Optimizers.AdamW.CreateFor(network, 3);
        using var other = Optimizers.AdamW.CreateFor(renamed, 3);
        first.Step(() => network.call(toy.Inputs), toy.Labels);
        using var stream = new MemoryStream();
        first.SaveState(stream);
        stream.Position = 0;

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => other.RestoreState(stream)).Message, "'mean.one.weight'");
    }

    [TestMethod]
    public void Validate_BadGroup_SaysWhatIsWrong()
    {
        AssertInvalid(new ParameterGroup("*") { RateFactor = 0 }, "RateFactor");
        AssertInvalid(new ParameterGroup("*") { RateFactor = double.NaN }, "RateFactor");
        AssertInvalid(new ParameterGroup("*") { DecayFactor = -1 }, "DecayFactor");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>((Ief with { Groups = [new ParameterGroup(" ")] }).Validate).Message, "Pattern");
        Assert.AreEqual("WeightDecayPerStep", Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            (Ief with { WeightDecayPerStep = 0.5, Groups = [new ParameterGroup("*") { DecayFactor = 2 }] }).Validate).ParamName);
        Assert.AreEqual("NoDecay", Assert.ThrowsExactly<ArgumentOutOfRangeException>((Ief with { NoDecay = (NoDecay)7 }).Validate).ParamName);
    }

    [TestMethod]
    public void Equals_SameGroups_AreEqualAndDescribed()
    {
        var (one, other) = (Ief with { Groups = [ParameterGroup.LoraPlus(8)] }, Ief with { Groups = [ParameterGroup.LoraPlus(8)] });

        Assert.AreEqual(one, other);
        Assert.AreEqual(one.GetHashCode(), other.GetHashCode());
        Assert.AreNotEqual(one, Ief with { Groups = [ParameterGroup.LoraPlus(4)] });
        StringAssert.Contains(one.ToString(), "RateFactor = 8"); // a state of other groups is that of another run
    }

    private static void AssertInvalid(ParameterGroup group, string setting) =>
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>((Ief with { Groups = [group] }).Validate).ParamName, setting);

    private static Tensor[] Moves(OptimizerOptions options)
    {
        var network = new ToyNetwork();
        var before = network.Parameters.Select(parameter => parameter.detach().clone()).ToArray();
        using var optimizer = Build(options, network);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, optimizer.NeedsPerSampleGradients, network.Forward);
        optimizer.Step(batch, Rate);
        return [.. network.Parameters.Zip(before, (after, start) => after.detach().sub(start))];
    }

    // The labels that SF draws are those that the model thinks least likely.
    private static Optimizer Build(OptimizerOptions options, ToyNetwork network) => options is SfOptions sf
        ? new SampledFisher(ParameterSet.Of(network.Parameters).Divide(sf.Groups, sf.NoDecay), sf, batch =>
            new SoftmaxCrossEntropy().LogitGradients(batch.Logits.detach(), batch.Logits.detach().argmin(-1)))
        : options.Build(network.Parameters, seed: 1);
}
