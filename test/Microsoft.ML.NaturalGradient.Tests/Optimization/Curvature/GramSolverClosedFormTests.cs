using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

/// <summary>Two samples, two parameters: everything can be done on paper, and the samples' gradients span the parameters.</summary>
[TestClass]
public sealed class GramSolverClosedFormTests
{
    public static IEnumerable<object[]> Cases =>
        new[] { "least_squares", "logistic" }.SelectMany(problem =>
            Enumerable.Range(0, Fixture.Read("spec/closed_form.json").GetProperty(problem).GetArrayLength()).Select(i => new object[] { problem, i }));

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Solve_BothMethods_GiveTheClosedForm(string problem, int index)
    {
        using var scope = NewDisposeScope();
        var expected = Fixture.Read("spec/closed_form.json").GetProperty(problem)[index];
        var rows = expected.GetProperty("J").ToTensor(); // J, [2, 2]
        var squaredNorms = expected.GetProperty("s").ToTensor(); // s, [2]
        var gram = rows.mm(rows.t());

        // Near-parallel gradients lose as many digits as the condition number of the Gram matrix has.
        Check(expected, "EF", rows, gram, ones_like(squaredNorms));
        Check(expected, "iEF", rows, gram, squaredNorms);
    }

    private static void Check(JsonElement expected, string method, Tensor rows, Tensor gram, Tensor target)
    {
        using var minimumNorm = GramSolver.Solve(gram, target, relativeDamping: 0);
        using var literal = GramSolver.SolveLiteral(gram, target, damping: 0);
        foreach (var solution in new[] { minimumNorm, literal })
        {
            var direction = rows.t().mv(solution.Weights);
            Fixture.AssertClose(expected.GetProperty("w_" + method).ToTensor(), solution.Weights, 1e-6, 1e-8);
            Fixture.AssertClose(expected.GetProperty("d_" + method).ToTensor(), direction, 1e-6, 1e-8);
            Fixture.AssertClose(target, rows.mv(direction), 1e-6, 1e-8);
        }
    }
}
