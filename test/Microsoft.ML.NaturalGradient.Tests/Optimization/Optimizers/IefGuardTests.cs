using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>What keeps iEF from diverging: limited targets, damping that does not vanish, a bounded default rate.</summary>
[TestClass]
public sealed class IefGuardTests
{
    private const double Damping = 0.1;

    [TestMethod]
    [DataRow(0.5, 1.0, false)] // rate at which no row is limited
    [DataRow(4, 1.0, false)]
    [DataRow(4, 0.5, false)]
    [DataRow(4, 0.5, true)]
    public void Step_TargetLimit_EqualsParameterSpaceSolve(double rate, double limit, bool literal)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var options = Ief with { TargetLimit = limit, LiteralEq8 = literal };

        var (rows, roots, losses) = Rows(network);
        var change = Step(network, options.Create(network.Parameters, 0), rate);

        // Row n is asked to lose min(η s_n, κ ℓ_n): the sum of gradients weighted by that over η s_n, then (F* + λI)⁻¹ of it.
        var share = losses.mul(limit / rate).div(roots.square()).clamp_max(1);
        var expected = literal
            ? rows.t().mv(linalg.solve(rows.mm(rows.t()).add(Eye(rows.shape[0]).mul(Damping)), roots.square().mul(share)))
            : linalg.solve(Damped(rows.div(roots.unsqueeze(1)), null), rows.t().mv(share));
        Fixture.AssertClose(expected.mul(rate), change);
    }

    [TestMethod]
    public void LimitTargets_LowersTheLimitToOneOnly()
    {
        using var scope = NewDisposeScope();
        const double Rate = 4;
        var (open, strict, one) = (new ToyNetwork(), new ToyNetwork(), new ToyNetwork());
        var (limited, stricter) = (Ief.Create(open.Parameters, 0), (Ief with { TargetLimit = 0.5 }).Create(strict.Parameters, 0));
        limited.LimitTargets();
        stricter.LimitTargets();

        Fixture.AssertClose(Step(one, (Ief with { TargetLimit = 1 }).Create(one.Parameters, 0), Rate), Step(open, limited, Rate));
        Fixture.AssertClose(Step(new ToyNetwork(), Rate, 0.5), Step(strict, stricter, Rate));
    }

    [TestMethod]
    [DataRow(1.0)]
    [DataRow(0.5)]
    [DataRow(0.0)]
    public void Step_GradientsShrink_DampingStaysRelativeToTheLargest(double floor)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = (Ief with { DampingFloor = floor }).Create(network.Parameters, 0);
        var first = Scaled(network).square().sum(1).mean().item<double>();
        Step(network, optimizer, 0.1);
        using (no_grad())
        {
            network.Parameters[2].mul_(0.1); // smaller gradients in the first layer
        }

        var (rows, roots, _) = Rows(network);
        var scaled = rows.div(roots.unsqueeze(1));
        var now = scaled.square().sum(1).mean().item<double>();
        Fixture.AssertLess(first, now);
        var expected = linalg.solve(Damped(scaled, Math.Max(now, floor * first)), rows.sum(0L)); // before the step moves the weights

        Fixture.AssertClose(expected, Step(network, optimizer, 1));
    }

    [TestMethod]
    public void RestoreState_CarriesTheLargestDiagonal()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = Ief.Create(network.Parameters, 0);
        Step(network, optimizer, 0.1);

        using var state = optimizer.SaveState();

        Assert.AreEqual(Scaled(new ToyNetwork()).square().sum(1).mean().item<double>(), state.Values["scale.largest"].item<double>(), 1e-9);
    }

    [TestMethod]
    public void Direction_IsThatOfTheMethod_WhateverTheStepsBefore()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = (NaturalGradientOptimizer)(Ief with { TargetLimit = 0.1 }).Create(network.Parameters, 0);
        Step(network, optimizer, 0.1);
        using (no_grad())
        {
            network.Parameters[2].mul_(0.1);
        }

        var (rows, roots, _) = Rows(network);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        var direction = optimizer.Direction(batch);

        Fixture.AssertClose(
            linalg.solve(Damped(rows.div(roots.unsqueeze(1)), null), rows.sum(0L)),
            cat([.. network.Parameters.Select(parameter => direction[parameter].flatten())]));
    }

    [TestMethod]
    public void Schedule_Default_RisesOverAQuarterOfTheStepsAndFallsToZero()
    {
        double[] expected = [0.5, 1, 1, 5 / 6.0, 4 / 6.0, 3 / 6.0, 2 / 6.0, 1 / 6.0];

        for (var step = 0; step < expected.Length; step++)
        {
            Assert.AreEqual(expected[step], Ief.Schedule.Factor(step, expected.Length), 1e-12, $"step {step}");
        }
    }

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(2, 1)]
    [DataRow(6, 3)]
    [DataRow(5, 2.5)]
    [DataRow(7, 3.5)]
    [DataRow(9, 4)]
    [DataRow(48, 4)]
    [DataRow(768, 2)]
    [DataRow(1_000_000, 1)]
    public void DefaultLearningRate_IsHalfTheClasses_FromOneToFour_ThenFallsWithTheFourthRoot(int classes, double expected) =>
        Assert.AreEqual(expected, Ief.ResolveLearningRate(classes), 1e-12);

    [TestMethod]
    [DataRow(0.0, 1.0, "TargetLimit")]
    [DataRow(double.NaN, 1.0, "TargetLimit")]
    [DataRow(1.0, 1.5, "DampingFloor")]
    [DataRow(1.0, -0.1, "DampingFloor")]
    [DataRow(1.0, double.NaN, "DampingFloor")]
    public void Validate_GuardOutOfRange_NamesIt(double limit, double floor, string name)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => (Ief with { TargetLimit = limit, DampingFloor = floor }).Validate());

        Assert.AreEqual(name, error.ParamName);
    }

    private static (Tensor Rows, Tensor Roots, Tensor Losses) Rows(ToyNetwork network)
    {
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        using var captured = batch.Capture(batch.LogitGradients);
        return (captured.Rows().clone(), batch.SquaredNorms.sqrt(), batch.Losses.clone());
    }

    private static Tensor Scaled(ToyNetwork network)
    {
        var (rows, roots, _) = Rows(network);
        return rows.div(roots.unsqueeze(1));
    }

    // XᵀX + λI with λ relative to a scale, the mean squared norm of the rows unless it is given.
    private static Tensor Damped(Tensor scaled, double? scale) =>
        scaled.t().mm(scaled).add(Eye(scaled.shape[1]).mul(Damping * (scale ?? scaled.square().sum(1).mean().item<double>())));

    private static Tensor Eye(long size) => eye(size, dtype: ScalarType.Float64);

    private static Tensor Step(ToyNetwork network, double rate, double limit) =>
        Step(network, (Ief with { TargetLimit = limit }).Create(network.Parameters, 0), rate);

    private static Tensor Step(ToyNetwork network, Optimizer optimizer, double rate)
    {
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        var before = network.Flat();
        optimizer.Step(batch, rate);
        return before.sub(network.Flat());
    }
}
