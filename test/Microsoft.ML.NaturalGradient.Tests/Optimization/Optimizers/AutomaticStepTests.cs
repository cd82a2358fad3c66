using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class AutomaticStepTests
{
    public static IEnumerable<object[]> Methods => new OptimizerOptions[]
    {
        Ief with { AutomaticStep = new AutomaticStep() },
        Ef with { AutomaticStep = new AutomaticStep { Cap = 1000 } },
        Sf with { AutomaticStep = new AutomaticStep { Factor = 1 } },
        Ng with { AutomaticStep = new AutomaticStep() },
        Optimizers.HessianFree with { AutomaticStep = new AutomaticStep() },
    }.Select(options => new object[] { options });

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Step_First_MovesByTheMeasuredLengthTimesTheLearningRate(object boxed)
    {
        using var scope = NewDisposeScope();
        var options = (NaturalGradientOptions)boxed;
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        batch.KeepsGraph = true;
        using var optimizer = options.Create(network.Parameters, 3);
        var direction = FlatVector.Join(((IUpdateDirection)optimizer).Direction(batch), network.Parameters);
        var gradient = cat([.. batch.PullBack(batch.LogitGradients, network.Parameters).Select(part => part.flatten())]);
        var curvature = direction.dot(DenseFisher.OfSoftmax(network.Forward, network.Parameters).mv(direction)).item<double>();
        var automatic = options.AutomaticStep!;
        var length = Math.Min(automatic.Cap, automatic.Factor * direction.dot(gradient).item<double>() / curvature);
        var before = network.Flat().clone();

        var diagnostics = optimizer.Step(batch, 0.25);

        Assert.AreEqual(0.25 * length, diagnostics.LearningRate!.Value, 1e-6 * length); // by differences
        Fixture.AssertClose(direction.mul(0.25 * length), before.sub(network.Flat()), 1e-5, 1e-7);
    }

    [TestMethod]
    public void Next_MeasuresEveryFewStepsAndSmooths()
    {
        var length = new StepLength(new AutomaticStep { Every = 2, Factor = 0.5, Smoothing = 0.7, Cap = 8 });
        var measured = new Queue<double>([4, 10, 100, double.NaN]);
        var steps = new List<double>();

        for (var step = 0; step < 8; step++)
        {
            steps.Add(length.Next(() => new DirectionalDerivatives(measured.Dequeue(), 1)));
        }

        var second = (0.7 * 2) + (0.3 * 5);
        var third = (0.7 * second) + (0.3 * 8); // cut to the cap
        Fixture.AssertClose(tensor(new[] { 2, 2, second, second, third, third, third, third }), tensor(steps.ToArray()));
        Assert.IsEmpty(measured);
    }

    [TestMethod]
    public void Next_NothingMeasured_IsOneAtMost()
    {
        var nothing = new DirectionalDerivatives(0, 0);

        Assert.AreEqual(1, new StepLength(new AutomaticStep()).Next(() => nothing));
        Assert.AreEqual(0.5, new StepLength(new AutomaticStep { Cap = 0.5 }).Next(() => nothing));
    }

    [TestMethod]
    public void ResolveLearningRate_WithAutomaticStep_IsOneUnlessSet()
    {
        Assert.AreEqual(1, (Ief with { AutomaticStep = new AutomaticStep() }).ResolveLearningRate(10));
        Assert.AreEqual(0.5, (Ief with { AutomaticStep = new AutomaticStep(), LearningRate = 0.5 }).ResolveLearningRate(10));
        Assert.AreEqual(3, Ief.ResolveLearningRate(6));
    }

    [TestMethod]
    public void Validate_SettingsOutOfRange_Throw()
    {
        var wrong = new OptimizerOptions[]
        {
            Ief with { AutomaticStep = new AutomaticStep { Every = 0 } },
            Ng with { AutomaticStep = new AutomaticStep { Factor = 0 } },
            Sf with { AutomaticStep = new AutomaticStep { Smoothing = 1 } },
            Ef with { AutomaticStep = new AutomaticStep { Cap = double.NaN } },
            Ief with { Momentum = 1 },
            Ef with { MomentumGuard = 0 },
            Ief with { DuplicateThreshold = 1 },
            Optimizers.HessianFree with { MostIterations = 0 },
            Optimizers.HessianFree with { Tolerance = 1 },
            Optimizers.AdamQlr with { LargestStep = 0 },
            Optimizers.AdamQlr with { InitialDamping = 0 },
            Optimizers.AdamQlr with { DampingIncrease = 0.5 },
        };

        foreach (var options in wrong)
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(options.Validate, options.ToString());
        }
    }
}
