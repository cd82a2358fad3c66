using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class ConjugateGradientsTests
{
    [TestMethod]
    [DataRow(ScalarType.Float32, 1e-4)]
    [DataRow(ScalarType.Float64, 1e-10)]
    public void Solve_LowRankWithoutTolerance_EndsAtTheSolutionAndNotInRounding(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var factor = Fixture.Sine(1, 0.7, 0.2, 2, 40).to(type); // F = BᵀB has rank 2
        var right = factor.t().mv(tensor(new[] { 3.0, -1.0 }, dtype: type)); // in the range of F
        var solver = new ConjugateGradients(search => [factor.t().mv(factor.mv(search[0]))]) { MostIterations = 500, Tolerance = 0 };

        var (solution, iterations) = solver.Solve([right], relativeDamping: 0);

        var image = factor.t().mv(factor.mv(solution[0]));
        Fixture.AssertLess(tolerance * right.norm().to(ScalarType.Float64).item<double>(), image.sub(right).norm().to(ScalarType.Float64).item<double>());
        Fixture.AssertLess(10, iterations);
    }
}
