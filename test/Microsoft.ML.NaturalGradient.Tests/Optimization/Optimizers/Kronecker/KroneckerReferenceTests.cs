using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>The four Kronecker-factored directions on the toy network, against those of mlp_toy.json.</summary>
[TestClass]
public sealed class KroneckerReferenceTests
{
    [TestMethod]
    [DataRow("KFACexact")]
    [DataRow("KFAC1")]
    [DataRow("eKFAC")]
    [DataRow("ieKFAC")]
    public void Direction_ToyNetwork_EqualsReferenceUpdateAndGamma(string method)
    {
        // The block of the last layer is singular: with hardly any damping the solution has few digits.
        AssertDirection(method, "exactdamp_lam1e-07", 1e-7, KroneckerDamping.Exact, 1e-6);
        AssertDirection(method, "exactdamp_lam0.01", 0.01, KroneckerDamping.Exact, 1e-9);
        AssertDirection(method, "pidamp_lam0.01", 0.01, KroneckerDamping.Factored, 1e-9);
    }

    [TestMethod]
    public void Step_FirstStep_MovesAgainstDirection()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = (Optimizers.Iekfac with { Momentum = 0.5 }).Create(network.Parameters, 0);
        using var batch = Run(network);
        batch.KeepsGraph = true;
        var direction = ((IUpdateDirection)optimizer).Direction(batch);
        var before = network.Flat();

        optimizer.Step(batch, 0.25);

        Fixture.AssertClose(Flatten(network, direction), before.sub(network.Flat()).div(0.25), 1e-9, 1e-11);
    }

    [TestMethod]
    public void Direction_WithDrawnLabels_ChangesNothing()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = Optimizers.Kfac.Create(network.Parameters, 3);
        using var batch = Run(network);
        batch.KeepsGraph = true;
        using var before = optimizer.SaveState();
        var weights = network.Flat();

        var first = Flatten(network, ((IUpdateDirection)optimizer).Direction(batch));
        var second = Flatten(network, ((IUpdateDirection)optimizer).Direction(batch));

        using var after = optimizer.SaveState();
        CollectionAssert.AreEquivalent(before.Values.Keys.ToList(), after.Values.Keys.ToList());
        Assert.IsTrue(before.Values.All(part => part.Value.equal(after.Values[part.Key]).all().item<bool>()));
        Fixture.AssertClose(first, second, 0, 0);
        Fixture.AssertClose(weights, network.Flat(), 0, 0);
    }

    [TestMethod]
    public void Step_Repeated_LeavesNoTensors()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = (Optimizers.Kfac with { DampingForm = KroneckerDamping.Exact }).Create(network.Parameters, 3);
        Step(network, optimizer);
        var before = LiveTensors.Settled();

        Step(network, optimizer);

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    private static void Step(ToyNetwork network, Optimizer optimizer)
    {
        using var scope = NewDisposeScope();
        using var batch = Run(network);
        optimizer.Step(batch, 0.1);
    }

    private static void AssertDirection(string method, string variant, double damping, KroneckerDamping form, double tolerance)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = Run(network);
        batch.KeepsGraph = true;
        using var optimizer = Create(method, network, damping / Trace(method, network, batch), form);
        var expected = network.Reference("updates").GetProperty($"{method}_{variant}");

        var direction = ((IUpdateDirection)optimizer).Direction(batch);

        var flat = Flatten(network, direction);
        var reference = expected.GetProperty("d").ToTensor();
        Fixture.AssertClose(reference, flat, tolerance, tolerance * reference.abs().max().item<double>());
        Assert.AreEqual(expected.GetProperty("gamma").GetDouble(), Gamma(batch, direction), tolerance);
    }

    private static Optimizer Create(string method, ToyNetwork network, double damping, KroneckerDamping form) => method switch
    {
        "KFACexact" => (Optimizers.Kfac with { Damping = damping, DampingForm = form, ExactLabels = true }).Create(network.Parameters, 0),
        "KFAC1" => new Kfac(network.Parameters, Optimizers.Kfac with { Damping = damping, DampingForm = form }, _ => Drawn(network)),
        "eKFAC" => (Optimizers.Ekfac with { Damping = damping, DampingForm = form }).Create(network.Parameters, 0),
        _ => (Optimizers.Iekfac with { Damping = damping, DampingForm = form }).Create(network.Parameters, 0),
    };

    private static Tensor Drawn(ToyNetwork network) => new SoftmaxCrossEntropy().LogitGradients(
        network.Forward().detach(), network.Reference("Y_sampled").ToTensor().to(ScalarType.Int64));

    // What the relative damping is multiplied by: Σ over layers of tr A · tr G, G for the mean of the losses.
    private static double Trace(string method, ToyNetwork network, BatchEvaluation batch)
    {
        using var factor = batch.FactorHessian();
        var seeds = method switch
        {
            "KFACexact" => factor.Columns.unbind(0),
            "KFAC1" => [Drawn(network)],
            "eKFAC" => [batch.LogitGradients],
            _ => new[] { batch.LogitGradients.div(batch.SquaredNorms.sqrt().unsqueeze(1)) },
        };
        var hidden = tanh(nn.functional.linear(network.Inputs, network.Parameters[0], network.Parameters[1])).detach();
        var errors = seeds.Select(seed => seed.mm(network.Parameters[2].detach()).mul(hidden.square().neg().add(1)).square().sum().item<double>()).Sum();
        var outputErrors = seeds.Sum(seed => seed.square().sum().item<double>());
        return ((MeanSquare(network.Inputs) * errors) + (MeanSquare(hidden) * outputErrors)) / batch.SampleCount;
    }

    private static double MeanSquare(Tensor rows) => 1 + rows.square().sum(1).mean().item<double>();

    // γ = √(dᵀFd) / |dᵀg| with the exact Fisher matrix of the summed loss.
    private static double Gamma(BatchEvaluation batch, ParameterVector direction)
    {
        using var factor = batch.FactorHessian();
        var quadratic = factor.Columns.unbind(0).Sum(column =>
        {
            using var captured = batch.Capture(column);
            return captured.Dot(direction).square().sum().item<double>();
        });
        using var gradients = batch.Capture(batch.LogitGradients);
        return Math.Sqrt(quadratic) / Math.Abs(gradients.Dot(direction).sum().item<double>());
    }

    private static BatchEvaluation Run(ToyNetwork network) => BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);

    private static Tensor Flatten(ToyNetwork network, ParameterVector direction) =>
        cat([.. network.Parameters.Select(parameter => direction[parameter].flatten())]);
}
