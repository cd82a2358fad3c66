using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class SpringMomentumTests
{
    [TestMethod]
    public void Step_IefLiteral_FollowsTheReference()
    {
        var literal = Ief with { LiteralEq8 = true, Damping = 1e-3, MomentumGuard = double.PositiveInfinity };

        Follow("iEF_plain_sum_eta0.5_lam1e-3", literal);
        Follow("iEF_SPRING_sum_eta0.5_mu0.9_lam1e-3", literal with { Momentum = 0.9 });
    }

    [TestMethod]
    public void Step_IefNormalised_FollowsTheReference()
    {
        var normalised = Ief with { Damping = 1e-3, DampingFloor = 0, MomentumGuard = double.PositiveInfinity };

        Follow("iEF_normalised_sum_eta0.5_mu0_lamrel1e-3", normalised);
        Follow("iEF_normalised_SPRING_sum_eta0.5_mu0.9_lamrel1e-3", normalised with { Momentum = 0.9 });
    }

    [TestMethod]
    public void Step_EfWithStepsOfBoundedLength_FollowsTheReference()
    {
        // The reference cuts a step η‖φ‖ to √0.01; here its φ says to which learning rate that comes. Its damping is absolute.
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        OptimizerState? state = null;
        foreach (var step in Fixture.Read("spec/adamqlr_spring.json").GetProperty("EF_SPRING_sum_eta0.05_mu0.9_lam1e-3_normc1e-2").EnumerateArray())
        {
            using var batch = Evaluate(network);
            batch.KeepsGraph = true;
            using var captured = batch.Capture(batch.LogitGradients);
            var relative = 1e-3 / captured.Gram().diagonal().mean().item<double>();
            var options = Ef with { Damping = relative, Momentum = 0.9, NormalizeUpdate = false };
            using var optimizer = new EmpiricalFisher(network.Parameters, options);
            if (state is not null)
            {
                optimizer.RestoreState(state);
                state.Dispose();
            }

            var length = step.GetProperty("phi").ToTensor().norm().item<double>();
            optimizer.Step(batch, 0.05 * Math.Min(1, 0.1 / (0.05 * length)));
            state = optimizer.SaveState();
            Fixture.AssertClose(step.GetProperty("theta").ToTensor(), network.Flat(), 1e-7, 1e-8); // ten steps amplify rounding
        }

        state!.Dispose();
    }

    [TestMethod]
    public void Direction_WithMomentum_IsThatOfTheBatchAloneAndChangesNoState()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = new ImprovedEmpiricalFisher(network.Parameters, Ief with { Momentum = 0.5 });
        using (var first = Evaluate(network))
        {
            optimizer.Step(first, 0.1);
        }

        using var batch = Evaluate(network);
        batch.KeepsGraph = true;
        using var before = optimizer.SaveState();
        using var fresh = new ImprovedEmpiricalFisher(network.Parameters, Ief);

        Fixture.AssertClose(
            FlatVector.Join(fresh.Direction(batch), network.Parameters), FlatVector.Join(optimizer.Direction(batch), network.Parameters));
        using var after = optimizer.SaveState();
        Assert.IsTrue(before.Values.All(pair => pair.Value.Equals(after.Values[pair.Key])), "the state has changed");
    }

    [TestMethod]
    public void Step_LeastSquares_MomentumHelpsInsideTheGuardAndDivergesOutside()
    {
        var without = LeastSquares(Ief with { Damping = 1e-3 }, 0.2);
        var inside = LeastSquares(Ief with { Damping = 1e-3, Momentum = 0.9 }, 0.2);
        var outside = LeastSquares(Ief with { Damping = 1e-3, Momentum = 0.9, MomentumGuard = double.PositiveInfinity }, 1);
        var guarded = LeastSquares(Ief with { Damping = 1e-3, Momentum = 0.9 }, 1);

        Fixture.AssertLess(without / 2, inside);
        Assert.IsTrue(outside > 1e6 || double.IsNaN(outside), $"{outside}");
        Fixture.AssertLess(without, guarded);
    }

    private static BatchEvaluation Evaluate(ToyNetwork network) =>
        BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);

    private static void Follow(string name, OptimizerOptions options)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = options.Create(network.Parameters, 0);
        foreach (var step in Fixture.Read("spec/adamqlr_spring.json").GetProperty(name).EnumerateArray())
        {
            using var batch = Evaluate(network);
            var loss = step.GetProperty("loss_sum_before").GetDouble();
            Assert.AreEqual(loss, batch.Losses.sum().item<double>(), 1e-8 * loss, name);
            optimizer.Step(batch, 0.5);
            Fixture.AssertClose(step.GetProperty("theta").ToTensor(), network.Flat(), 1e-7, 1e-8); // ten steps amplify rounding
        }
    }

    // The error of the solution after steps on small batches of a consistent system with 40 unknowns: Kaczmarz's setting.
    private static double LeastSquares(OptimizerOptions options, double learningRate)
    {
        using var scope = NewDisposeScope();
        using var network = new RandomNetwork(11, [200, 40], 1);
        var (all, truth) = (network.Inputs.mul(pow(tensor(0.9), arange(40, dtype: ScalarType.Float64))), network.Normal(40));
        var labels = all.mv(truth);
        using var optimizer = options.Create(network.Parameters, 0);
        for (var step = 0; step < 200; step++)
        {
            using var stepScope = NewDisposeScope();
            var start = 8 * (step % 25);
            network.Inputs = all.narrow(0, start, 8);
            using var batch = BatchEvaluation.Run(new SquaredError(), labels.narrow(0, start, 8), true, network.Forward);
            optimizer.Step(batch, learningRate);
        }

        network.Inputs = all;
        return network.Forward().detach().squeeze(1).sub(labels).norm().item<double>();
    }
}
