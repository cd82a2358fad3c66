using CsCheck;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Every method of the mean gradient against its paper in loops, on random shapes, gradients, batch sizes and settings.</summary>
[TestClass]
public sealed class MeanGradientOracleTests
{
    private const int Steps = 4;
    private const int LargestSize = 64; // 4 · 4 · 4

    private static readonly Gen<double> Decay = Gen.Double[0, 0.99];
    private static readonly Gen<double> Small = Gen.Double[0, 0.2];
    private static readonly Gen<double> Epsilon = Gen.Double[1e-4, 1e-1];

    private static readonly Gen<Problem> Problems = Gen.Select(
        Gen.Long[1, 4].Array[1, 3], Gen.Double[-2, 2].Array[(Steps + 1) * LargestSize], Gen.Int[1, 40], Gen.Double[1e-3, 0.1],
        (shape, values, samples, rate) => new Problem(shape, values, samples, rate));

    [TestMethod]
    public void Update_Sgd_EqualsPaper() => Check(
        Gen.Select(Decay, Small, (momentum, decay) => Optimizers.Sgd with { Momentum = momentum, WeightDecay = decay }),
        (problem, options) => new NaiveSgd(problem.Size, options));

    [TestMethod]
    public void Update_AdamW_EqualsPaper() => Check(
        Gen.Select(Decay, Decay, Epsilon, Small, (beta1, beta2, epsilon, decay) =>
            Optimizers.AdamW with { Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon, WeightDecay = decay }),
        (problem, options) => new NaiveAdamW(problem.Size, options));

    [TestMethod]
    public void Update_FAdam_EqualsPaper() => Check(
        Gen.Select(
            Gen.Select(Decay, Decay), Epsilon, Small, Gen.Double[0.3, 1], Gen.Double[0.3, 3], Gen.Enum<EpsilonMode>(),
            (betas, epsilon, decay, exponent, clip, mode) => Optimizers.FAdam with
            {
                Beta1 = betas.Item1,
                Beta2 = betas.Item2,
                Epsilon = epsilon,
                WeightDecay = decay,
                FisherExponent = exponent,
                ClipThreshold = clip,
                EpsilonMode = mode,
            }),
        (problem, options) => new NaiveFAdam(problem.Size, options));

    [TestMethod]
    public void Update_RootFreeRmsProp_EqualsPaper() => Check(
        Gen.Select(Decay, Epsilon, Decay, Small, (alpha, epsilon, momentum, decay) =>
            Optimizers.RootFreeRmsProp with { Alpha = alpha, Epsilon = epsilon, Momentum = momentum, WeightDecay = decay }),
        (problem, options) => new NaiveRootFreeRmsProp(problem.Size, options));

    [TestMethod]
    public void Update_RootFreeAdamW_EqualsPaper() => Check(
        Gen.Select(Decay, Decay, Epsilon, Small, Gen.Bool, (beta1, beta2, epsilon, decay, corrects) => Optimizers.RootFreeAdamW with
        {
            Beta1 = beta1,
            Beta2 = beta2,
            Epsilon = epsilon,
            WeightDecay = decay,
            BiasCorrection = corrects,
        }),
        (problem, options) => new NaiveRootFreeAdamW(problem.Size, options));

    [TestMethod]
    public void Update_Adafactor_EqualsPaper() => Check(
        Gen.Select(
            Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool, Gen.Bool), Gen.Double[0.3, 1], Gen.Double[0.3, 3], Decay, Small,
            (flags, exponent, clip, beta1, decay) => Optimizers.Adafactor with
            {
                RelativeStep = flags.Item1,
                WarmupInit = flags.Item1 && flags.Item2,
                ScaleParameter = flags.Item3,
                Beta1 = flags.Item4 ? beta1 : 0,
                DecayExponent = exponent,
                ClipThreshold = clip,
                WeightDecay = decay,
            }),
        (problem, options) => new NaiveAdafactor(problem.Shape, options));

    [TestMethod]
    public void Update_SirfShampoo_EqualsPaper() => Check(
        Gen.Select(
            Gen.Select(Gen.Int[1, 3], Gen.Int[1, 4]), Gen.Enum<LargeAxisFactor>(), Gen.Double[0.01, 0.3], Decay, Decay, Small, Small,
            (sizes, large, step, factorMomentum, momentum, damping, decay) => Optimizers.SirfShampoo with
            {
                FactorInterval = sizes.Item1,
                LargestDenseAxis = sizes.Item2,
                LargeAxes = large,
                FactorStep = step,
                FactorMomentum = factorMomentum,
                Momentum = momentum,
                Damping = damping,
                WeightDecay = decay,
            }),
        (problem, options) => new NaiveSirfShampoo(problem.Shape, options));

    [TestMethod]
    public void Update_FAdamWithoutGradient_DecaysByTheRootMeanSquareOnly()
    {
        using var scope = NewDisposeScope();
        foreach (var mode in Enum.GetValues<EpsilonMode>())
        {
            var weight = nn.Parameter(tensor(new[] { 3.0f, 4.0f }));
            using var optimizer = new FAdam([weight], Optimizers.FAdam with { EpsilonMode = mode, Epsilon = 1e-8, WeightDecay = 0.1 });

            optimizer.Update([zeros(2)], 8, 0.01);

            // θ/RMS(θ), whatever the scale of θ: the preconditioner is a constant here.
            var rms = Math.Sqrt(12.5);
            Fixture.AssertClose(tensor(new[] { (float)(3 - (0.001 * 3 / rms)), (float)(4 - (0.001 * 4 / rms)) }), weight.detach(), 1e-6, 0);
        }
    }

    [TestMethod]
    public void Update_RootFree_LossTimesThreeDividesTheStepByThree()
    {
        AssertScaling(Optimizers.RootFreeRmsProp with { Alpha = 0.3, Epsilon = 0, Momentum = 0 }, 1 / 3.0);
        AssertScaling(Optimizers.RootFreeAdamW with { Beta1 = 0.5, Beta2 = 0.3, Epsilon = 0 }, 1 / 3.0);
    }

    [TestMethod]
    public void Update_WithRoot_LossTimesThreeKeepsTheStep()
    {
        AssertScaling(Optimizers.AdamW with { Epsilon = 1e-30 }, 1);
        AssertScaling(Optimizers.Adafactor, 1);
        AssertScaling(Optimizers.FAdam with { Epsilon = 1e-30, WeightDecay = 0 }, 1);
    }

    // Compares the last of many steps, when the start is forgotten, for a loss and for three times the loss.
    private static void AssertScaling(MeanGradientOptions options, double expected)
    {
        using var scope = NewDisposeScope();
        const int steps = 60;
        var moves = new double[] { 1, 3 }.Select(factor =>
        {
            var weight = nn.Parameter(Fixture.Sine(0.7, 0.9, 0.4, 3, 4));
            using var optimizer = (MeanGradientOptimizer)options.Build([weight], 0);
            var before = weight.detach();
            for (var step = 1; step <= steps; step++)
            {
                before = weight.detach().clone();
                optimizer.Update([Fixture.Sine(factor * 0.3, 0.37 * step, 0.1, 3, 4)], 8, 1e-3);
            }

            return weight.detach().sub(before);
        }).ToArray();

        Fixture.AssertClose(moves[0].mul(expected), moves[1], 1e-8, 0);
    }

    private static void Check<TOptions>(Gen<TOptions> options, Func<Problem, TOptions, INaiveOptimizer> oracle)
        where TOptions : MeanGradientOptions => Gen.Select(Problems, options).Check(
            100,
            draw =>
            {
                var (problem, chosen) = draw;
                using var scope = NewDisposeScope();
                var expected = problem.Block(0);
                var naive = oracle(problem, chosen);
                var weight = nn.Parameter(tensor(problem.Block(0), problem.Shape));
                using var optimizer = (MeanGradientOptimizer)((MeanGradientOptions)chosen with { NoDecay = NoDecay.Nothing }).Build([weight], 0);
                for (var step = 1; step <= Steps; step++)
                {
                    naive.Step(expected, problem.Block(step), problem.Samples(step), problem.LearningRate);
                    optimizer.Update([tensor(problem.Block(step), problem.Shape)], problem.Samples(step), problem.LearningRate);
                }

                return weight.detach().allclose(tensor(expected, problem.Shape), 1e-8, 1e-10);
            });

    private sealed record Problem(long[] Shape, double[] Values, int LargestBatch, double LearningRate)
    {
        /// <summary>Batches of different sizes, as at the end of an epoch.</summary>
        public int Samples(int step) => Math.Max(1, LargestBatch / step);

        public int Size => (int)Shape.Aggregate(1L, (product, size) => product * size);

        /// <summary>Block 0 holds the weights, the others a step's gradient each.</summary>
        public double[] Block(int index) => Values[(index * LargestSize)..((index * LargestSize) + Size)];
    }
}
