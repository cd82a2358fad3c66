using CsCheck;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Adaptation;
using Microsoft.ML.NaturalGradient.Tests.Models;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class FisherProductsTests
{
    private const double DifferenceTolerance = 1e-7; // of a central difference in float64

    private static readonly SoftmaxCrossEntropy Objective = new();

    public static IEnumerable<object[]> Updates => new ToyNetwork().Reference("updates").EnumerateObject()
        .Where(update => update.Value.ValueKind == System.Text.Json.JsonValueKind.Object && update.Value.TryGetProperty("gamma", out _))
        .Select(update => new object[] { update.Name });

    [TestMethod]
    [DynamicData(nameof(Updates))]
    public void Along_UpdateOfTheToyNetwork_HasTheReferenceGamma(string update)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var reference = network.Reference("updates").GetProperty(update);
        var direction = FlatVector.Split(reference.GetProperty("d").ToTensor(), network.Parameters);
        using var batch = Evaluate(network);
        var products = new FisherProducts(batch, network.Parameters);
        var gamma = reference.GetProperty("gamma").GetDouble();

        // A nearly undamped sampled Fisher is nearly orthogonal to the gradient, which amplifies the reference's own rounding.
        Assert.AreEqual(gamma, products.ExactlyAlong(direction).Gamma, 1e-9 * gamma, "exact");
        Assert.AreEqual(gamma, products.Along(direction).Gamma, DifferenceTolerance * gamma, "by differences");
    }

    [TestMethod]
    public void Along_RandomProblems_EqualsTheDenseFisherAndTheKullbackLeiblerDivergence() =>
        Gen.Select(Gen.Long[1, 1_000_000], Gen.Int[1, 6], Gen.Int[2, 5], Gen.Int[1, 4]).Check(
            20,
            draw =>
            {
                var (seed, samples, classes, hidden) = draw;
                using var scope = NewDisposeScope();
                using var network = new RandomNetwork(seed, [samples, 3], hidden, classes);
                using var batch = BatchEvaluation.Run(Objective, network.Labels(classes, samples), true, network.Forward);
                var vector = network.Normal(network.Flat().numel());
                var expected = vector.dot(DenseFisher.OfSoftmax(network.Forward, network.Parameters).mv(vector)).item<double>();
                var products = new FisherProducts(batch, network.Parameters);

                var actual = products.Along(FlatVector.Split(vector, network.Parameters));
                var exact = products.ExactlyAlong(FlatVector.Split(vector, network.Parameters));

                Assert.AreEqual(expected, exact.Curvature, 1e-10 * (1 + expected));
                Assert.AreEqual(expected, actual.Curvature, 1e-7 * (1 + expected));
                Assert.AreEqual(Slope(batch, network.Parameters, vector), exact.Slope, 1e-10 * (1 + Math.Abs(exact.Slope)));
                // The divergence's fourth derivative times the square of its step.
                Assert.AreEqual(expected, DenseFisher.Curvature(network.Forward, network.Parameters, vector), 1e-3 * (1 + expected));
            });

    [TestMethod]
    public void Times_RandomVector_EqualsTheDenseFisher()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = Evaluate(network);
        var vector = Fixture.Sine(1, 0.7, 0.3, network.Flat().numel());

        var product = new FisherProducts(batch, network.Parameters).Times(FlatVector.Split(vector, network.Parameters));

        var expected = DenseFisher.OfSoftmax(network.Forward, network.Parameters).mv(vector);
        Fixture.AssertClose(expected, cat([.. product.Select(part => part.flatten())]), DifferenceTolerance, 1e-7);
    }

    [TestMethod]
    public void Along_SequencesWithIgnoredLabels_EqualsTheDenseFisher()
    {
        using var scope = NewDisposeScope();
        using var network = new RandomNetwork(5, [3, 3, 2], 4, 4);
        var labels = tensor(new long[,] { { 1, 0, -100 }, { 2, 3, 0 }, { 3, -100, -100 } });
        using var batch = BatchEvaluation.Run(Objective, labels, true, network.Forward);
        var vector = network.Normal(network.Flat().numel());
        using Scalar ignored = -100;
        var fisher = DenseFisher.OfSoftmax(network.Forward, network.Parameters, labels.ne(ignored));

        var products = new FisherProducts(batch, network.Parameters);

        var expected = vector.dot(fisher.mv(vector)).item<double>();
        Assert.AreEqual(expected, products.ExactlyAlong(FlatVector.Split(vector, network.Parameters)).Curvature, 1e-10 * expected);
        Assert.AreEqual(expected, products.Along(FlatVector.Split(vector, network.Parameters)).Curvature, 1e-7 * expected);
    }

    [TestMethod]
    public void Along_SquaredError_IsTheSquaredChangeOfTheOutputs()
    {
        using var scope = NewDisposeScope();
        using var network = new RandomNetwork(6, [5, 3], 4, 1);
        using var batch = BatchEvaluation.Run(new SquaredError(), network.Normal(5), true, network.Forward);
        var vector = network.Normal(network.Flat().numel());

        var actual = new FisherProducts(batch, network.Parameters).Along(FlatVector.Split(vector, network.Parameters));

        var change = DenseFisher.Jacobian(network.Forward, network.Parameters).mv(vector);
        Assert.AreEqual(change.square().sum().item<double>(), actual.Curvature, 1e-7 * actual.Curvature);
        Assert.AreEqual(Slope(batch, network.Parameters, vector), actual.Slope, 1e-8 * (1 + Math.Abs(actual.Slope)));
    }

    [TestMethod]
    public void Along_Float32_AgreesToThreeDigitsAndPutsTheWeightsBack()
    {
        using var scope = NewDisposeScope();
        using var exact = new RandomNetwork(7, [8, 16], 32, 5);
        var labels = exact.Labels(5, 8);
        var vector = exact.Normal(exact.Flat().numel());
        var weights = exact.Parameters.Select(parameter => nn.Parameter(parameter.detach().to(ScalarType.Float32))).ToArray();
        Tensor Forward() => nn.functional.linear(
            nn.functional.linear(exact.Inputs.to(ScalarType.Float32), weights[0], weights[1]).tanh(), weights[2], weights[3]);
        using var wide = BatchEvaluation.Run(Objective, labels, true, exact.Forward);
        using var narrow = BatchEvaluation.Run(Objective, labels, false, Forward);
        var before = cat([.. weights.Select(weight => weight.detach().flatten())]).clone();

        var actual = new FisherProducts(narrow, weights).Along(FlatVector.Split(vector, weights));

        var expected = new FisherProducts(wide, exact.Parameters).ExactlyAlong(FlatVector.Split(vector, exact.Parameters));
        Assert.AreEqual(expected.Gamma, actual.Gamma, 1e-3 * expected.Gamma);
        Assert.IsTrue(before.Equals(cat([.. weights.Select(weight => weight.detach().flatten())])), "the weights have changed");
    }

    [TestMethod]
    public void Along_DirectionOfZeros_HasNoGammaAndNoStep()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = Evaluate(network);

        var actual = new FisherProducts(batch, network.Parameters).Along(FlatVector.Split(zeros_like(network.Flat()), network.Parameters));

        Assert.AreEqual(new DirectionalDerivatives(0, 0), actual);
        Assert.IsTrue(double.IsNaN(actual.Gamma) && double.IsNaN(actual.BestStep));
    }

    [TestMethod]
    public void Along_DropoutFromTheGivenGenerator_RepeatsItsMasks()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var generator = new Generator(3);
        var vector = FlatVector.Split(Fixture.Sine(1, 0.7, 0.3, network.Flat().numel()), network.Parameters);
        using var batch = BatchEvaluation.Run(Objective, network.Labels, false, () => WithDropout(network, generator), generator);
        using var after = generator.get_state();

        var actual = new FisherProducts(batch, network.Parameters).Along(vector);

        Assert.IsTrue(after.Equals(generator.get_state()), "the generator has moved");
        Assert.AreEqual(Slope(batch, network.Parameters, FlatVector.Join(vector, network.Parameters)), actual.Slope, 1e-7 * Math.Abs(actual.Slope));
    }

    [TestMethod]
    public void Along_ModelWithDropoutInTraining_RepeatsItsMasks()
    {
        using var scope = NewDisposeScope();
        using var classifier = PeftFixture.Create(new LoraOptions { Dropout = 0.5 });
        using var generator = new Generator(3);
        using (no_grad())
        {
            foreach (var named in classifier.TrainableParameters)
            {
                named.Value.normal_(0, 0.2, generator);
            }
        }

        var first = Fixture.Read("training/bert-lora.json").GetProperty("batches")[0];
        using var inputs = BertFixture.Inputs(first.GetProperty("inputs"));
        Parameter[] parameters = [.. classifier.TrainableParameters.Select(named => named.Value)];
        var vector = Fixture.Sine(1, 0.7, 0.3, parameters.Sum(parameter => parameter.numel()));
        classifier.SetTraining(true);
        using var batch = BatchEvaluation.Run(
            Objective, first.GetProperty("labels").ToTensor().to(ScalarType.Int64), false, () => classifier.Forward(inputs), classifier.Randomness);

        var actual = new FisherProducts(batch, parameters).Along(FlatVector.Split(vector, parameters));

        Assert.AreEqual(Slope(batch, parameters, vector), actual.Slope, 1e-5 * Math.Abs(actual.Slope));
    }

    [TestMethod]
    public void Along_DropoutThatIsDrawnAnew_Throws()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var generator = new Generator(3);
        using var batch = BatchEvaluation.Run(Objective, network.Labels, false, () => WithDropout(network, generator));
        var before = network.Flat().clone();

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new FisherProducts(batch, network.Parameters)
            .Along(FlatVector.Split(ones_like(before), network.Parameters)));

        StringAssert.Contains(error.Message, "dropout");
        Assert.IsTrue(before.Equals(network.Flat()), "the weights have changed");
    }

    [TestMethod]
    public void Products_LeaveNothingBehind()
    {
        var network = new ToyNetwork();
        using var vector = Fixture.Sine(1, 0.7, 0.3, network.Flat().numel());
        using var batch = Evaluate(network);
        var direction = FlatVector.Split(vector, network.Parameters);
        var products = new FisherProducts(batch, network.Parameters);
        var before = LiveTensors.Settled();

        _ = products.Along(direction);
        _ = products.ExactlyAlong(direction);
        products.LogitChange(direction).Dispose();
        products.ExactLogitChange(direction).Dispose();
        Array.ForEach(products.Times(direction), part => part.Dispose());
        batch.FactorHessian().Dispose();

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    private static BatchEvaluation Evaluate(ToyNetwork network) => BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);

    private static double Slope(BatchEvaluation batch, IReadOnlyList<Parameter> parameters, Tensor vector) =>
        cat([.. batch.PullBack(batch.LogitGradients, parameters, keepGraph: true).Select(part => part.flatten())]).dot(vector).item<double>();

    private static Tensor WithDropout(ToyNetwork network, Generator generator)
    {
        var logits = network.Forward();
        return logits.mul(empty(logits.shape, dtype: ScalarType.Float64).bernoulli_(0.5, generator).mul(2));
    }
}
