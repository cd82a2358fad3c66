using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

/// <summary>The solved head against conditions of its minimum that are computed number by number.</summary>
[TestClass]
public sealed class LinearHeadSolverTests
{
    private const int Rows = 40;
    private const int Width = 5;
    private const int Classes = 3;

    [TestMethod]
    [DataRow(1.0)]
    [DataRow(1e-2)]
    [DataRow(1e-6)]
    public void Solve_SoftmaxCrossEntropy_GradientVanishes(double l2)
    {
        using var scope = NewDisposeScope();
        var (features, labels) = Data(seed: 1);
        using var solver = new LinearHeadSolver(new SoftmaxCrossEntropy(), Tensor(features), tensor(labels));
        var (weight, bias) = solver.Uncentred(solver.Solve(Classes, l2));
        var (w, b) = (weight.contiguous().data<double>().ToArray(), bias.contiguous().data<double>().ToArray());

        var (ofWeights, ofBiases) = (new double[Classes * Width], new double[Classes]);
        for (var row = 0; row < Rows; row++)
        {
            var scores = Enumerable.Range(0, Classes)
                .Select(c => Math.Exp(b[c] + Enumerable.Range(0, Width).Sum(i => w[(c * Width) + i] * features[row][i]))).ToArray();
            for (var c = 0; c < Classes; c++)
            {
                var error = (scores[c] / scores.Sum()) - (labels[row] == c ? 1 : 0);
                ofBiases[c] += error / Rows;
                for (var i = 0; i < Width; i++)
                {
                    ofWeights[(c * Width) + i] += error * features[row][i] / Rows;
                }
            }
        }

        for (var i = 0; i < w.Length; i++)
        {
            Assert.AreEqual(0, ofWeights[i] + (l2 * w[i]), 1e-7);
        }

        Array.ForEach(ofBiases, value => Assert.AreEqual(0, value, 1e-7));
    }

    [TestMethod]
    public void Solve_WeakPenalty_TakesFewProductsWithTheHessian()
    {
        using var scope = NewDisposeScope();
        const int rows = 800;
        const int width = 64;
        const int classes = 4;
        using var generator = new Generator(3);
        Tensor Draw(params long[] shape) => randn(shape, dtype: ScalarType.Float64, generator: generator);
        var features = Draw(rows, width).mm(Fixture.Sine(1, 1.7, 0.1, width, width).add(eye(width, dtype: ScalarType.Float64).mul(0.3)));
        var labels = features.mm(Draw(width, classes)).add(Draw(rows, classes).mul(20)).argmax(1);
        var objective = new CountingObjective();
        using var solver = new LinearHeadSolver(objective, features, labels);

        solver.Solve(classes, l2: 1e-5);

        Fixture.AssertLess(250, objective.Products); // 113, more than 500 with a wrong idea of the curvature
    }

    [TestMethod]
    public void Solve_SquaredError_IsRidgeRegression()
    {
        using var scope = NewDisposeScope();
        const double l2 = 0.1;
        var (features, _) = Data(seed: 2);
        var labels = features.Select(row => 2 + (3 * row[0]) - row[4] + (0.3 * Math.Sin(row[1]))).ToArray();
        using var solver = new LinearHeadSolver(new SquaredError(), Tensor(features), tensor(labels));
        var (weight, bias) = solver.Uncentred(solver.Solve(1, l2));

        var x = Tensor(features);
        var centred = x.sub(x.mean([0]));
        var y = tensor(labels);
        var expected = linalg.solve(
            centred.t().mm(centred).div(Rows).add(eye(Width, dtype: ScalarType.Float64).mul(l2)), centred.t().mv(y.sub(y.mean())).div(Rows));
        Fixture.AssertClose(expected, weight.squeeze(0), 1e-7, 1e-7);
        Assert.AreEqual(y.mean().sub(x.mean([0]).dot(expected)).item<double>(), bias.item<double>(), 1e-7);
    }

    [TestMethod]
    public void Solve_TwoClassesOfOneNumber_IsTheRootFoundByBisection()
    {
        using var scope = NewDisposeScope();
        double[] values = [-2, -1, 1, 2];
        long[] labels = [0, 0, 1, 1];
        using var solver = new LinearHeadSolver(new SoftmaxCrossEntropy(), tensor(values).unsqueeze(1), tensor(labels));
        var (weight, bias) = solver.Uncentred(solver.Solve(2, 0.25));

        // By symmetry the weights are −v and v and the biases 0: the loss is mean log(1 + exp(−2 v |x|)) + λ v², so that λ v = mean |x| / (1 + exp(2 v |x|)).
        var (low, high) = (0.0, 10.0);
        for (var i = 0; i < 200; i++)
        {
            var v = (low + high) / 2;
            var slope = (0.25 * v) - values.Average(x => Math.Abs(x) / (1 + Math.Exp(2 * v * Math.Abs(x))));
            (low, high) = slope < 0 ? (v, high) : (low, v);
        }

        Assert.AreEqual(low, weight[1, 0].item<double>(), 1e-7);
        Assert.AreEqual(-low, weight[0, 0].item<double>(), 1e-7);
        Assert.AreEqual(0, bias.abs().max().item<double>(), 1e-9);
    }

    [TestMethod]
    public void Solve_FarFromTheOrigin_IsTheSameMinimum()
    {
        using var scope = NewDisposeScope();
        var (features, labels) = Data(seed: 3);
        using var near = new LinearHeadSolver(new SoftmaxCrossEntropy(), Tensor(features), tensor(labels));
        using var far = new LinearHeadSolver(new SoftmaxCrossEntropy(), Tensor(features).add(1000), tensor(labels));

        Fixture.AssertClose(near.Uncentred(near.Solve(Classes, 1e-3)).Weight, far.Uncentred(far.Solve(Classes, 1e-3)).Weight, 1e-6, 1e-6);
    }

    [TestMethod]
    public void Fit_PureNoise_ChoosesAStrongPenaltyAndLearnableLabelsAWeakOne()
    {
        using var scope = NewDisposeScope();
        var (features, labels) = Data(seed: 4);
        var random = new Random(5);
        long[] noise = [.. labels.Select(_ => (long)random.Next(Classes))];
        var fit = new LinearHeadFit(new SoftmaxCrossEntropy(), Classes, seed: 1);

        var (_, _, ofNoise) = fit.Solve(new HeadRows(Tensor(features), tensor(noise)));
        var (weight, bias, ofLabels) = fit.Solve(new HeadRows(Tensor(features), tensor(labels)));

        Fixture.AssertLess(ofNoise, ofLabels);
        var right = Tensor(features).mm(weight.t()).add(bias).argmax(1).eq(tensor(labels)).sum().item<long>();
        Fixture.AssertLess(right + 1, Rows * 9 / 10);
    }

    [TestMethod]
    public void Fit_ValidationRows_DecideThePenalty()
    {
        using var scope = NewDisposeScope();
        var (features, labels) = Data(seed: 6);
        var fit = new LinearHeadFit(new SoftmaxCrossEntropy(), Classes, seed: 1);

        // Labels that contradict the training rows: the more is learned, the worse.
        var (_, _, contradicted) = fit.Solve(new HeadRows(Tensor(features), tensor(labels)), new HeadRows(Tensor(features), tensor(labels).add(1).remainder(Classes)));
        var (_, _, agreed) = fit.Solve(new HeadRows(Tensor(features), tensor(labels)), new HeadRows(Tensor(features), tensor(labels)));

        Assert.AreEqual(LinearHeadFit.Penalties[0], contradicted);
        Assert.AreEqual(LinearHeadFit.Penalties[^1], agreed);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Fit_HardlyAnyRows_IsFinite(int rows)
    {
        using var scope = NewDisposeScope();
        var (features, labels) = Data(seed: 7);

        var (weight, bias, _) = new LinearHeadFit(new SoftmaxCrossEntropy(), Classes, seed: 1).Solve(new HeadRows(Tensor(features[..rows]), tensor(labels[..rows])));

        Assert.IsTrue(weight.isfinite().all().item<bool>() && bias.isfinite().all().item<bool>());
    }

    [TestMethod]
    public void Solve_Cancelled_Stops()
    {
        var (features, labels) = Data(seed: 8);
        using var solver = new LinearHeadSolver(
            new SoftmaxCrossEntropy(), Tensor(features), tensor(labels), checkAlive: () => throw new OperationCanceledException());

        Assert.ThrowsExactly<OperationCanceledException>(() => solver.Solve(Classes, 1e-3));
    }

    private static (double[][] Features, long[] Labels) Data(int seed)
    {
        var random = new Random(seed);
        double[][] features = [.. Enumerable.Range(0, Rows).Select(_ => Enumerable.Range(0, Width).Select(_ => (random.NextDouble() * 4) - 1.5).ToArray())];
        return (features, [.. features.Select(row => row[0] > 1 ? 2L : row[1] + (0.2 * random.NextDouble()) > 0 ? 1L : 0L)]);
    }

    private static Tensor Tensor(double[][] rows) => tensor([.. rows.SelectMany(row => row)], [rows.Length, rows[0].Length]);

    private sealed class CountingObjective : IObjective
    {
        private readonly SoftmaxCrossEntropy _objective = new();

        public int Products { get; private set; }

        public Tensor Losses(Tensor logits, Tensor labels) => _objective.Losses(logits, labels);

        public Tensor LogitGradients(Tensor logits, Tensor labels) => _objective.LogitGradients(logits, labels);

        public Tensor TimesHessian(Tensor logits, Tensor labels, Tensor tangents)
        {
            Products++;
            return _objective.TimesHessian(logits, labels, tangents);
        }

        public HessianFactor FactorHessian(Tensor logits, Tensor labels) => _objective.FactorHessian(logits, labels);

        public Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator) => _objective.SampleLabels(logits, labels, generator);

        public Tensor? FindCorrect(Tensor logits, Tensor labels) => _objective.FindCorrect(logits, labels);
    }
}
