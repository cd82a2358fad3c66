using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>The settings that all methods share, for every member of <see cref="Optimizers"/>.</summary>
[TestClass]
public sealed class SharedSettingsTests
{
    private const double Rate = 0.05;

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_NormConstraint_ShortensALongStepAlongItself(string name, object method)
    {
        using var scope = NewDisposeScope();
        var options = (OptimizerOptions)method;
        var step = Move(options);
        var squaredLength = step.square().sum().item<double>();

        Fixture.AssertClose(step.mul(0.5), Move(options with { NormConstraint = squaredLength / 4 }), 1e-8, 1e-14);
        Assert.IsTrue(squaredLength > 0, name);
        AssertSame(step, Move(options with { NormConstraint = squaredLength * 1.01 }), name);
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_WeightDecayPerStep_ShrinksTheWeightsAfterTheStep(string name, object method)
    {
        using var scope = NewDisposeScope();
        var options = (OptimizerOptions)method with { NormConstraint = 1e-6, NoDecay = NoDecay.Nothing };
        var start = new ToyNetwork().Flat();

        var decayed = start.add(Move(options with { WeightDecayPerStep = 0.01 }));

        // After the constraint, which therefore does not see the decay.
        Fixture.AssertLess(1e-3 * (1 + 1e-9), decayed.div(tensor(0.99)).sub(start).norm().item<double>(), name);
        Fixture.AssertClose(start.add(Move(options)).mul(0.99), decayed, 1e-12, 1e-14);
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.OfTheMeanGradient), typeof(EveryOptimizer))]
    public void Step_NormalizeUpdate_HasTheLengthOfTheLearningRate(string name, object method)
    {
        using var scope = NewDisposeScope();
        var options = (MeanGradientOptions)method;
        var step = Move(options);

        var normalized = Move(options with { NormalizeUpdate = true });

        Assert.AreEqual(Rate, normalized.norm().item<double>(), 1e-12, name);
        Fixture.AssertClose(step.div(step.norm()).mul(Rate), normalized, 1e-8, 1e-12);
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.OfTheMeanGradient), typeof(EveryOptimizer))]
    public void Step_GradientClipNorm_IsAsIfTheGradientWereShorter(string name, object method)
    {
        using var scope = NewDisposeScope();
        var options = (MeanGradientOptions)method;
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, false, network.Forward);
        var gradients = batch.MeanGradient(network.Parameters);
        var norm = Math.Sqrt(gradients.Sum(gradient => gradient.square().sum().item<double>()));
        var start = network.Flat();
        using var optimizer = (MeanGradientOptimizer)options.Build(network.Parameters, 0);
        optimizer.Update([.. gradients.Select(gradient => gradient.mul(0.25))], network.Labels.shape[0], Rate);

        Fixture.AssertClose(network.Flat().sub(start), Move(options with { GradientClipNorm = norm / 4 }), 1e-8, 1e-12);
        AssertSame(Move(options), Move(options with { GradientClipNorm = norm * 1.01 }), name);
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_LeavesNoTensorsBehind(string name, object method)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = ((OptimizerOptions)method with { NormConstraint = 1e-4, WeightDecayPerStep = 1e-5 }).Build(network.Parameters, 0);
        Step(network, optimizer);
        var before = LiveTensors.Settled();

        Step(network, optimizer);

        Assert.AreEqual(before, Tensor.TotalCount, name);
    }

    [TestMethod]
    public void Validate_SharedSettingOutOfRange_NamesTheSetting()
    {
        foreach (var options in EveryOptimizer.All.Select(pair => (OptimizerOptions)pair[1]))
        {
            AssertInvalid(options with { NormConstraint = 0 }, "NormConstraint");
            AssertInvalid(options with { WeightDecayPerStep = 1 }, "WeightDecayPerStep");
            AssertInvalid(options with { WeightDecayPerStep = double.NaN }, "WeightDecayPerStep");
        }

        foreach (var options in EveryOptimizer.OfTheMeanGradient.Select(pair => (MeanGradientOptions)pair[1]))
        {
            AssertInvalid(options with { GradientClipNorm = -1 }, "GradientClipNorm");
        }
    }

    private static void AssertInvalid(OptimizerOptions options, string setting) =>
        Assert.AreEqual(setting, Assert.ThrowsExactly<ArgumentOutOfRangeException>(options.Validate).ParamName);

    private static void AssertSame(Tensor expected, Tensor actual, string name) =>
        Assert.AreEqual(0, actual.sub(expected).abs().max().item<double>(), name);

    // What one step from the start adds to the parameters.
    private static Tensor Move(OptimizerOptions options)
    {
        var network = new ToyNetwork();
        var before = network.Flat();
        using var optimizer = options.Build(network.Parameters, 0);
        Step(network, optimizer);
        return network.Flat().sub(before);
    }

    private static void Step(ToyNetwork network, Optimizer optimizer)
    {
        using var batch = BatchEvaluation.Run(
            new SoftmaxCrossEntropy(), network.Labels, optimizer.NeedsPerSampleGradients, network.Forward);
        optimizer.Step(batch, Rate);
    }
}
