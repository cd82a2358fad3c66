using Microsoft.ML.NaturalGradient.Curvature;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class GramSolverTests
{
    [TestMethod]
    [DataRow(4, 10)]
    [DataRow(10, 4)]
    [DataRow(1, 1)]
    public void Solve_UnitTargets_EqualsParameterSpaceSolve(int samples, int parameters)
    {
        using var scope = NewDisposeScope();
        var rows = Fixture.Sine(1, 1.7, 0.3, samples, parameters);
        var gram = rows.mm(rows.t());
        var damping = 1e-3 * gram.diagonal().mean().item<double>();

        using var solution = GramSolver.Solve(gram, ones(samples, ScalarType.Float64), 1e-3);

        var fisher = rows.t().mm(rows).add(eye(parameters, dtype: ScalarType.Float64).mul(damping));
        Fixture.AssertClose(linalg.solve(fisher, rows.sum(0L)), rows.t().mv(solution.Weights));
        Assert.AreEqual(damping, solution.Damping, damping * 1e-12);
    }

    [TestMethod]
    [DataRow("dup_zero_iEF_lamrel0", 0.0)]
    [DataRow("dup_zero_iEF_lamrel0.001", 1e-3)]
    public void Solve_DuplicateAndZeroRows_EqualsReference(string name, double damping)
    {
        using var scope = NewDisposeScope();
        var all = Fixture.Read("spec/mlp_toy.json").GetProperty("J").ToTensor();
        var s = Fixture.Read("spec/mlp_toy.json").GetProperty("s_iEF").ToTensor();
        var roots = stack([s[0], s[1], s[1], zeros_like(s[0]), s[3]]).sqrt();
        var normalised = all.div(s.sqrt().unsqueeze(1));
        var rows = stack([normalised[0], normalised[1], normalised[1], zeros_like(all[0]), normalised[3]]);
        var reference = Fixture.Read("spec/edge_cases.json").GetProperty(name);

        using var solution = GramSolver.Solve(rows.mm(rows.t()), roots, damping);

        Fixture.AssertClose(reference.GetProperty("d").ToTensor(), rows.t().mv(solution.Weights), 1e-6, 1e-9);
        Assert.AreEqual(reference.GetProperty("rank").GetInt32(), solution.Rank);
        Assert.AreEqual(1, solution.DeadRows);
    }

    [TestMethod]
    public void Solve_LeavesOneLiveTensor()
    {
        using var rows = Fixture.Sine(1, 1.7, 0.3, 4, 6);
        using var gram = rows.mm(rows.t());
        using var target = ones(4, ScalarType.Float64);
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using var solution = GramSolver.Solve(gram, target, 1e-3);

        Assert.AreEqual(1, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    [TestMethod]
    public void SolveLiteral_SingularMatrix_SaysWhatToDo()
    {
        using var scope = NewDisposeScope();
        var gram = ones(3, 3, ScalarType.Float64);

        var exception = Assert.ThrowsExactly<InvalidOperationException>(() => GramSolver.SolveLiteral(gram, ones(3), 0));

        StringAssert.Contains(exception.Message, "Increase Damping");
    }
}
