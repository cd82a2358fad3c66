using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class GramOptimizerTests
{
    [TestMethod]
    public void Run_ToyNetwork_LossesAndNormsEqualReference()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();

        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        using var captured = batch.Capture(batch.LogitGradients);

        Fixture.AssertClose(network.Reference("loss").ToTensor(), batch.Losses);
        Fixture.AssertClose(network.Reference("s_iEF").ToTensor(), batch.SquaredNorms);
        Fixture.AssertClose(network.Reference("C").ToTensor(), captured.Gram());
        Fixture.AssertClose(network.Reference("J").ToTensor(), captured.Rows());
    }

    [TestMethod]
    public void Step_ImprovedEmpiricalFisher_EqualsReferenceUpdate()
    {
        AssertUpdate("iEF_lam0", Ief with { Damping = 0 });
        AssertUpdate("iEF_lam0.01", Ief with { Damping = 0.01, LiteralEq8 = true });
        AssertUpdate("iEF_lam1", Ief with { Damping = 1, LiteralEq8 = true });
    }

    [TestMethod]
    public void Step_NormalisedDamping_EqualsParameterSpaceSolve()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var rows = network.Reference("J").ToTensor();
        var scaled = rows.div(network.Reference("s_iEF").ToTensor().sqrt().unsqueeze(1));
        var damping = 0.1 * scaled.square().sum(1).mean().item<double>();
        var fisher = scaled.t().mm(scaled).add(eye(rows.shape[1], dtype: ScalarType.Float64).mul(damping));

        Fixture.AssertClose(linalg.solve(fisher, rows.sum(0L)), Update(Ief));
    }

    /// <summary>Undamped systems, and dampings that rounded sums could disturb, keep sums in float64; so do those whose damping is absolute.</summary>
    [TestMethod]
    public void IsDamped_OnlyWithRelativeDampingOfAThousandth()
    {
        Assert.IsTrue(Ief.IsDamped);
        Assert.IsTrue((Ef with { Damping = 1e-3 }).IsDamped);
        Assert.IsFalse((Ief with { Damping = 9e-4 }).IsDamped);
        Assert.IsFalse((Ief with { Damping = 1, LiteralEq8 = true }).IsDamped);
        Assert.IsFalse((Ef with { Damping = 1, AbsoluteDamping = true }).IsDamped);
        Assert.IsFalse((Sf with { Damping = 1, AbsoluteDamping = true }).IsDamped);
        Assert.IsFalse((Ng with { Damping = 0 }).IsDamped);
    }

    /// <summary>Sums are rounded for damped systems of float32 models only; a float64 model's are not.</summary>
    [TestMethod]
    public void Gram_Damped_IsRoundedInSinglePrecisionOnly()
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var weight = nn.Parameter(zeros(300, 200, type));
            using var captured = new CapturedGradients([(new LinearWeightUse(weight, Fixture.Sine(1, 0.7, 0.1, 6, 40, 200).to(type)), Fixture.Sine(1, 1.3, 0.4, 6, 40, 300).to(type))]);
            var rows = captured.Rows().to(ScalarType.Float64);
            var (exact, damped) = (captured.Gram(), captured.Gram(isDamped: true));
            var scale = exact.diagonal().mean().item<double>();

            Fixture.AssertClose(rows.mm(rows.t()), exact, 1e-7, 1e-7 * scale);
            Assert.AreEqual(type == ScalarType.Float32, damped.sub(exact).abs().max().item<double>() > 1e-12 * scale);
        }
    }

    [TestMethod]
    public void Step_NormalisedRows_GramWeightsAndUpdatesEqualReference()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var reference = Fixture.Read("spec/normalised_gram_toy.json");
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        using var captured = batch.Capture(batch.LogitGradients.div(batch.SquaredNorms.sqrt().unsqueeze(1)));
        var gram = captured.Gram();
        using var solution = GramSolver.Solve(gram, batch.SquaredNorms.sqrt(), 0);
        var meanDiagonal = gram.diagonal().mean().item<double>();

        Fixture.AssertClose(reference.GetProperty("C_hat").ToTensor(), gram);
        Fixture.AssertClose(reference.GetProperty("w_hat_lam0").ToTensor(), solution.Weights);
        AssertUpdate("iEFmatrixdamp_lam0.01", Ief with { Damping = 0.01 / meanDiagonal });
        AssertUpdate("iEFmatrixdamp_lam1", Ief with { Damping = 1 / meanDiagonal });
    }

    [TestMethod]
    public void Step_EmpiricalFisher_EqualsReferenceUpdate()
    {
        var meanDiagonal = new ToyNetwork().Reference("C").ToTensor().diagonal().mean().item<double>();

        AssertUpdate("EF_lam0", Ef with { Damping = 0, NormalizeUpdate = false });
        AssertUpdate("EF_lam0.01", Ef with { Damping = 0.01 / meanDiagonal, NormalizeUpdate = false });
        AssertUpdate("EF_lam0.01", Ef with { Damping = 0.01, AbsoluteDamping = true, NormalizeUpdate = false });
        AssertUpdate("EF_lam1", Ef with { Damping = 1, AbsoluteDamping = true, NormalizeUpdate = false });
        Assert.AreEqual(1, Update(Ef).norm().item<double>(), 1e-9);
    }

    [TestMethod]
    [DataRow("SF1_lam0.01", 0.01, false)]
    [DataRow("SF1_lam1", 1.0, false)]
    [DataRow("SF1_lam1", 1.0, true)]
    public void Step_SampledFisher_EqualsReferenceUpdate(string name, double damping, bool absolute)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var objective = new SoftmaxCrossEntropy();
        var labels = network.Reference("Y_sampled").ToTensor().to(ScalarType.Int64);
        using var batch = BatchEvaluation.Run(objective, network.Labels, true, network.Forward);
        using var probe = BatchEvaluation.Run(objective, labels, true, network.Forward);
        using var sampled = probe.Capture(probe.LogitGradients);
        var setting = absolute ? damping : damping / sampled.Gram().diagonal().mean().item<double>();
        using var optimizer = new SampledFisher(
            network.Parameters, Sf with { Damping = setting, AbsoluteDamping = absolute, NormalizeUpdate = false }, evaluated => objective.LogitGradients(evaluated.Logits.detach(), labels));
        var before = network.Flat();

        optimizer.Step(batch, 1);

        Fixture.AssertClose(Expected(network, name), before.sub(network.Flat()), 1e-6, 1e-8);
    }

    [TestMethod]
    public void Step_ParameterWithoutRecord_Throws()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        using var optimizer = Ief.Create([.. network.Parameters, nn.Parameter(zeros(2))], 0);

        var exception = Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(batch, 1));

        StringAssert.Contains(exception.Message, "1 of 5");
    }

    private static void AssertUpdate(string name, OptimizerOptions options)
    {
        using var scope = NewDisposeScope();
        Fixture.AssertClose(Expected(new ToyNetwork(), name), Update(options), 1e-8, 1e-9);
    }

    private static Tensor Expected(ToyNetwork network, string name) =>
        network.Reference("updates").GetProperty(name).GetProperty("d").ToTensor();

    private static Tensor Update(OptimizerOptions options)
    {
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        using var optimizer = options.Create(network.Parameters, 0);
        var before = network.Flat();
        optimizer.Step(batch, 1);
        return before.sub(network.Flat());
    }
}
