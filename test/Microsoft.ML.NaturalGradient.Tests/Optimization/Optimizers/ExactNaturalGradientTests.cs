using CsCheck;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Both forms of the exact natural gradient against the solve with the dense Fisher matrix.</summary>
[TestClass]
public sealed class ExactNaturalGradientTests
{
    private static readonly SoftmaxCrossEntropy Objective = new();

    [TestMethod]
    [DataRow("NG_lam0.01", 0.01)]
    [DataRow("NG_lam1", 1.0)]
    public void Direction_ToyNetwork_EqualsReference(string name, double damping)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);
        var fisher = DenseFisher.OfSoftmax(network.Forward, network.Parameters);
        var expected = network.Reference("updates").GetProperty(name).GetProperty("d").ToTensor();

        Fixture.AssertClose(expected, InSampleSpace(batch, network.Parameters, damping / MeanDiagonal(fisher, batch)), 1e-8, 1e-8);
        // Many iterations with products by differences, whose errors they carry along.
        Fixture.AssertClose(expected, ByConjugateGradients(batch, network.Parameters, fisher, damping), 1e-5, 1e-5);
    }

    [TestMethod]
    public void Direction_Undamped_IsThatOfThePseudoInverse()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);
        var expected = network.Reference("updates").GetProperty("NG_pinv").GetProperty("d").ToTensor();

        // The smallest eigenvalue of F that is not zero is 1E-4 of the largest, and the solve squares nothing.
        Fixture.AssertClose(expected, InSampleSpace(batch, network.Parameters, 0), 1e-7, 1e-7);
    }

    [TestMethod]
    public void Direction_RandomProblems_BothFormsEqualTheDenseSolve() =>
        Gen.Select(Gen.Long[1, 1_000_000], Gen.Int[1, 6], Gen.Int[2, 4], Gen.Double[0.05, 2]).Check(
            20,
            draw =>
            {
                var (seed, samples, classes, damping) = draw;
                using var scope = NewDisposeScope();
                using var network = new RandomNetwork(seed, [samples, 3], 3, classes);
                using var batch = BatchEvaluation.Run(Objective, network.Labels(classes, samples), true, network.Forward);
                var fisher = DenseFisher.OfSoftmax(network.Forward, network.Parameters);
                var gradient = Flat(batch.PullBack(batch.LogitGradients, network.Parameters, keepGraph: true));
                var expected = linalg.solve(fisher.add(eye(fisher.shape[0], dtype: ScalarType.Float64).mul(damping)), gradient);
                var size = expected.norm().item<double>();
                var condition = 1 + (linalg.eigvalsh(fisher)[-1].item<double>() / damping);

                Fixture.AssertClose(expected, InSampleSpace(batch, network.Parameters, damping / MeanDiagonal(fisher, batch)), 0, 1e-9 * size);
                // Products by differences are right to seven digits; the condition multiplies what they lack.
                Fixture.AssertClose(expected, ByConjugateGradients(batch, network.Parameters, fisher, damping), 0, 1e-7 * condition * size);
            });

    [TestMethod]
    public void Direction_SquaredErrorWithASampleWithoutError_EqualsTheDenseSolve()
    {
        using var scope = NewDisposeScope();
        using var network = new RandomNetwork(9, [5, 3], 3, 1);
        var labels = network.Normal(5);
        using (no_grad())
        {
            labels[2] = network.Forward()[2, 0]; // its row has to keep the output where it is
        }

        using var batch = BatchEvaluation.Run(new SquaredError(), labels, true, network.Forward);
        var jacobian = DenseFisher.Jacobian(network.Forward, network.Parameters);
        var fisher = jacobian.t().mm(jacobian);
        const double damping = 0.3;
        var expected = linalg.solve(
            fisher.add(eye(fisher.shape[0], dtype: ScalarType.Float64).mul(damping)), jacobian.t().mv(batch.LogitGradients.flatten()));

        Fixture.AssertClose(expected, InSampleSpace(batch, network.Parameters, damping / MeanDiagonal(fisher, batch)));
        Fixture.AssertClose(expected, ByConjugateGradients(batch, network.Parameters, fisher, damping), 1e-6, 1e-6);
    }

    [TestMethod]
    [DataRow(30.0)]
    [DataRow(50.0)]
    [DataRow(80.0)]
    public void Direction_LabelOfTinyProbability_EqualsTheDenseSolve(double unlikely)
    {
        using var scope = NewDisposeScope();
        using var network = new RandomNetwork(4, [3, 3], 3, 3);
        using (no_grad())
        {
            network.Parameters[^1][2] = -unlikely;
        }

        using var labels = tensor(new long[] { 2, 0, 1 }); // the first row's loss is about 30, 50 or 80
        using var batch = BatchEvaluation.Run(Objective, labels, true, network.Forward);
        var fisher = DenseFisher.OfSoftmax(network.Forward, network.Parameters);
        var gradient = Flat(batch.PullBack(batch.LogitGradients, network.Parameters, keepGraph: true));
        const double damping = 0.3;
        var expected = linalg.solve(fisher.add(eye(fisher.shape[0], dtype: ScalarType.Float64).mul(damping)), gradient);

        Fixture.AssertClose(expected, InSampleSpace(batch, network.Parameters, damping / MeanDiagonal(fisher, batch)), 1e-9, 1e-9);
    }

    [TestMethod]
    public void ConjugateGradients_Undamped_GammaFallsAsInTheReference()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);
        batch.KeepsGraph = true;
        var products = new FisherProducts(batch, network.Parameters);
        var previous = double.PositiveInfinity;

        foreach (var point in network.Reference("updates").GetProperty("CG_trace").EnumerateArray())
        {
            var options = Optimizers.HessianFree with { Damping = 0, Tolerance = 0, MostIterations = point.GetProperty("it").GetInt32() };
            var gamma = products.ExactlyAlong(Direction(options, batch, network.Parameters)).Gamma;

            Assert.AreEqual(point.GetProperty("gamma").GetDouble(), gamma, 1e-7, $"iteration {options.MostIterations}");
            Fixture.AssertLess(previous * (1 + 1e-9), gamma);
            previous = gamma;
        }
    }

    [TestMethod]
    public void ConjugateGradients_Tolerance_EndsTheSearch()
    {
        using var scope = NewDisposeScope();
        var matrix = diag(tensor(new[] { 1.0, 2, 3, 4, 5 }));
        var search = new ConjugateGradients(vector => [matrix.mv(vector[0])]) { Tolerance = 0.5 };

        var (solution, iterations) = search.Solve([ones(5, dtype: ScalarType.Float64)], 0);

        Fixture.AssertLess(5, iterations);
        Fixture.AssertLess(0.5 * Math.Sqrt(5), matrix.mv(solution[0]).sub(1).norm().item<double>());
    }

    [TestMethod]
    public void Step_TooManyClasses_ThrowsAndNamesTheOtherForm()
    {
        using var scope = NewDisposeScope();
        using var network = new RandomNetwork(1, [2, 3], 5000);
        using var batch = BatchEvaluation.Run(Objective, network.Labels(5000, 2), true, network.Forward);
        using var optimizer = Ng.Create(network.Parameters, 0);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(batch, 1));

        StringAssert.Contains(error.Message, "HessianFree");
    }

    [TestMethod]
    public void JointGram_SmallSlices_EqualsTheProductOfAllRows()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);
        using var first = batch.Capture(batch.LogitGradients, keepGraph: true);
        using var second = batch.Capture(Fixture.Sine(1, 0.4, 0.2, 5, 3), keepGraph: true);
        var rows = cat([first.Rows(), second.Rows()]);

        Fixture.AssertClose(rows.mm(rows.t()), CapturedGradients.JointGram([first, second], chunkBytes: 200));
    }

    private static Tensor InSampleSpace(BatchEvaluation batch, IReadOnlyList<Parameter> parameters, double relativeDamping) =>
        FlatVector.Join(Direction(Ng with { Damping = relativeDamping }, batch, parameters), parameters);

    private static Tensor ByConjugateGradients(BatchEvaluation batch, IReadOnlyList<Parameter> parameters, Tensor fisher, double damping)
    {
        var gradient = Flat(batch.PullBack(batch.LogitGradients, parameters, keepGraph: true));
        var scale = gradient.dot(fisher.mv(gradient)).item<double>() / gradient.dot(gradient).item<double>();
        var options = Optimizers.HessianFree with { Damping = damping / scale, Tolerance = 1e-11, MostIterations = 200 };
        return FlatVector.Join(Direction(options, batch, parameters), parameters);
    }

    private static ParameterVector Direction(OptimizerOptions options, BatchEvaluation batch, IReadOnlyList<Parameter> parameters)
    {
        batch.KeepsGraph = true;
        using var optimizer = options.Create(parameters, 0);
        return ((IUpdateDirection)optimizer).Direction(batch);
    }

    // The mean diagonal of B Bᵀ: tr F over the rows, one for each logit.
    private static double MeanDiagonal(Tensor fisher, BatchEvaluation batch) => fisher.trace().item<double>() / batch.Logits.numel();

    private static Tensor Flat(IEnumerable<Tensor> parts) => cat([.. parts.Select(part => part.flatten())]);
}
