using CsCheck;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class KroneckerCurvatureTests
{
    private static readonly ScalarType Double = ScalarType.Float64;

    // Of a layer of one number the input is sin(phase) and the error 0.8·sin(1 + phase): neither is near zero, where nothing damps.
    private static readonly Gen<(int N, int T, int I, int O, bool Bias, double Phase)> Problems = Gen.Select(
        Gen.Int[1, 5], Gen.Int[1, 4], Gen.Int[1, 4], Gen.Int[1, 4], Gen.Bool, Gen.Double[0.2, 1.9]);

    [TestMethod]
    [DataRow(WeightSharing.Expand, KroneckerDamping.Exact)]
    [DataRow(WeightSharing.Expand, KroneckerDamping.Factored)]
    [DataRow(WeightSharing.Reduce, KroneckerDamping.Exact)]
    [DataRow(WeightSharing.Reduce, KroneckerDamping.Factored)]
    public void Precondition_RandomLayer_EqualsDenseBlock(WeightSharing sharing, KroneckerDamping form) => Problems.Check(
        25,
        problem =>
        {
            using var scope = NewDisposeScope();
            var layer = new Layer(problem.N, problem.T, problem.I, problem.O, problem.Bias, problem.Phase);
            var options = Optimizers.Ekfac with { WeightSharing = sharing, DampingForm = form };
            var naive = layer.Naive();
            var (input, error) = (naive.InputFactor(sharing == WeightSharing.Reduce), naive.ErrorFactor(sharing == WeightSharing.Reduce));
            var damping = options.Damping * NaiveKronecker.Trace(input) * NaiveKronecker.Trace(error) / problem.N;
            var expected = form == KroneckerDamping.Exact ? naive.SolveExact(input, error, damping) : naive.SolveFactored(input, error, damping);

            Fixture.AssertClose(tensor(expected, dtype: Double), Direction(options, layer), 1e-8, 1e-10 * expected.Max(Math.Abs));
        });

    [TestMethod]
    public void Update_SeveralBatches_AveragesFactorsWithDecayingWeights()
    {
        using var scope = NewDisposeScope();
        var options = Optimizers.Ekfac with { FactorDecay = 0.5, DampingForm = KroneckerDamping.Exact };
        var first = new Layer(3, 2, 3, 2, true, 0.1);
        Layer[] layers = [first, new(3, 2, 3, 2, true, 1.3, first), new(3, 2, 3, 2, true, 2.9, first)];
        var weights = new[] { 1.0 / 7, 2.0 / 7, 4.0 / 7 }; // ½^k, normalised
        var (input, error) = (new double[4, 4], new double[2, 2]);
        foreach (var (layer, weight) in layers.Zip(weights))
        {
            Add(input, layer.Naive().InputFactor(false), weight);
            Add(error, layer.Naive().ErrorFactor(false), weight);
        }

        var damping = options.Damping * NaiveKronecker.Trace(input) * NaiveKronecker.Trace(error) / 3;
        var expected = layers[^1].Naive().SolveExact(input, error, damping);

        Fixture.AssertClose(tensor(expected, dtype: Double), Direction(options, layers));
    }

    [TestMethod]
    public void Precondition_ParameterThatIsNotLinear_IsDividedByItsLargestEigenvalueAndDamping()
    {
        using var scope = NewDisposeScope();
        var scale = nn.Parameter(ones(3, Double));
        var (normalized, error) = (Fixture.Sine(1, 0.7, 0.3, 4, 2, 3), Fixture.Sine(1, 1.1, 0.2, 4, 2, 3));
        using var captured = new CapturedGradients([(new ScaleUse(scale, normalized), error)]);
        var rows = error.mul(normalized).sum(1); // [4, 3]
        var fisher = rows.t().mm(rows); // of the summed loss
        var damping = 0.1 * fisher.diagonal().sum().item<double>() / 4;
        var largest = linalg.eigvalsh(fisher)[-1].item<double>();

        var direction = Direction(Optimizers.Ekfac, [scale], captured);

        Fixture.AssertClose(rows.sum(0L).div(largest + damping), direction);
    }

    [TestMethod]
    public void Precondition_GradientsAllZero_StaysZero()
    {
        using var scope = NewDisposeScope();
        var weight = nn.Parameter(zeros(2, 3, Double));
        using var captured = new CapturedGradients([(new LinearWeightUse(weight, Fixture.Sine(1, 0.7, 0.3, 4, 3)), zeros(4, 2, dtype: Double))]);

        Fixture.AssertClose(zeros(6, dtype: Double), Direction(Optimizers.Ekfac, [weight], captured));
    }

    private static void Add(double[,] sum, double[,] term, double weight)
    {
        for (var i = 0; i < sum.GetLength(0); i++)
        {
            for (var j = 0; j < sum.GetLength(1); j++)
            {
                sum[i, j] += weight * term[i, j];
            }
        }
    }

    // The direction for the last layer's gradient, after all layers went into the averages; weight and bias side by side.
    private static Tensor Direction(KroneckerOptions options, params Layer[] layers)
    {
        var captures = layers.Select(layer => layer.Capture()).ToArray();
        var flat = Direction(options, layers[0].Parameters, captures);
        Array.ForEach(captures, capture => capture.Dispose());
        if (layers[0].Bias is not { } bias)
        {
            return flat;
        }

        var count = layers[0].Weight.numel();
        return LinearMap.Join(flat[..(int)count].view(layers[0].Weight.shape), flat[(int)count..].view(bias.shape)).flatten();
    }

    private static Tensor Direction(KroneckerOptions options, IReadOnlyList<Parameter> parameters, params CapturedGradients[] captures)
    {
        KroneckerCurvature? curvature = null;
        foreach (var captured in captures)
        {
            using var weights = new RowWeights(null, captured.SampleCount, CPU);
            using var estimate = new KroneckerEstimate(options.WeightSharing, weights);
            estimate.Add(captured, weights, withInputs: true);
            estimate.AddOthers(captured);
            curvature ??= new KroneckerCurvature(ParameterSet.Of(parameters), options, estimate, (_, value) => value, (_, _, _) => { });
            curvature.Update(estimate);
        }

        var samples = captures[^1].SampleCount;
        curvature!.Invert(samples);
        var direction = curvature.Precondition(captures[^1].Combine(full(samples, 1.0 / samples, dtype: Double)));
        return cat([.. parameters.Select(parameter => direction[parameter].flatten())]);
    }

    /// <summary>A linear layer with inputs and errors; may share the parameters of another.</summary>
    private sealed class Layer(int n, int t, int i, int o, bool bias, double phase, Layer? shared = null)
    {
        private readonly Tensor _inputs = Fixture.Sine(1, 1.7, phase, n, t, i);
        private readonly Tensor _errors = Fixture.Sine(0.8, 2.3, 1 + phase, n, t, o);

        public Parameter Weight { get; } = shared?.Weight ?? nn.Parameter(zeros(o, i, Double));

        public Parameter? Bias { get; } = shared is not null ? shared.Bias : bias ? nn.Parameter(zeros(o, Double)) : null;

        public IReadOnlyList<Parameter> Parameters => [.. new[] { Weight, Bias }.OfType<Parameter>()];

        public CapturedGradients Capture()
        {
            var error = _errors.alias();
            List<(ParameterUse Use, Tensor Error)> uses = [(new LinearWeightUse(Weight, _inputs), error)];
            if (Bias is not null)
            {
                uses.Add((new BiasUse(Bias), error));
            }

            return new CapturedGradients(uses);
        }

        public NaiveKronecker Naive()
        {
            var ones = _inputs.new_ones(_inputs.shape[0], _inputs.shape[1], 1);
            return new((Bias is null ? _inputs : cat([_inputs, ones], 2)).ToArray3(), _errors.ToArray3());
        }
    }
}
