using Microsoft.ML.NaturalGradient.Optimization;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class FirstOrderOptimizerTests
{
    private const int Samples = 8; // of the mean that the tape stands for

    [TestMethod]
    [DataRow("AdamW_lr0.01_wd0.01", 0.01)]
    [DataRow("AdamW_lr0.01_wd0", 0.0)]
    public void Update_AdamWTenSteps_EqualsReferenceTape(string name, double decay)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (nn.Parameter(Fixture.Sine(0.7, 0.9, 0.4, 3, 4)), nn.Parameter(Cosine(0.2, 1.3)));
        using var optimizer = new AdamW([weight, bias], Optimizers.AdamW with { WeightDecay = decay });

        AssertTape(name, weight, bias, gradients => optimizer.Update(gradients, Samples, 0.01));
    }

    [TestMethod]
    [DataRow("SGD_lr0.1", 0.0, 0.0)]
    [DataRow("SGD_lr0.1_mom0.9_wd0.01", 0.9, 0.01)]
    public void Update_SgdTenSteps_EqualsReferenceTape(string name, double momentum, double decay)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (nn.Parameter(Fixture.Sine(0.7, 0.9, 0.4, 3, 4)), nn.Parameter(Cosine(0.2, 1.3)));
        using var optimizer = new Sgd([weight, bias], Optimizers.Sgd with { Momentum = momentum, WeightDecay = decay });

        AssertTape(name, weight, bias, gradients => optimizer.Update(gradients, Samples, 0.1));
    }

    public static IEnumerable<object[]> Tapes =>
    [
        ["FAdam_lr0.01_default_wd0.1", 0.01, Optimizers.FAdam],
        ["FAdam_lr0.01_wd0", 0.01, Optimizers.FAdam with { WeightDecay = 0 }],
        ["FAdam_lr0.01_clip0.5_wd0.1", 0.01, Optimizers.FAdam with { ClipThreshold = 0.5 }],
        ["FAdam_lr0.01_p1_eps1e-3_wd0.01", 0.01, Optimizers.FAdam with { FisherExponent = 1, Epsilon = 1e-3, WeightDecay = 0.01 }],
        ["RFRMSProp_lr0.003_a0.99_eps1e-4_B8_wd0.01_mom0.9", 0.003, Optimizers.RootFreeRmsProp with { WeightDecay = 0.01 }],
        ["RFRMSProp_lr0.003_a0.99_eps1e-4_B8_plain", 0.003, Optimizers.RootFreeRmsProp with { Momentum = 0 }],
        ["RFAdamW_lr0.003_b0.9_0.99_eps1e-4_B8_wd0.01", 0.003, Optimizers.RootFreeAdamW with { WeightDecay = 0.01 }],
        ["IFShampoo_lr0.01_mom0.9_damp1e-3_b2.5_lrcov.05_B8_wd0.01_T1", 0.01, Shampoo],
        ["SIRFShampoo_dense_lr0.01_b2.05_a1.9_a2.5_lam1e-3_kappa.01_B8", 0.01, Shampoo],
        ["Adafactor_relstep_default", 1.0, Optimizers.Adafactor],
        [
            "Adafactor_lr0.3_noscale_norel_wd1e-5(T5 prompt tuning)", 0.3,
            Optimizers.Adafactor with { RelativeStep = false, ScaleParameter = false, WeightDecay = 1e-5 },
        ],
        ["Adafactor_lr0.01_scale_beta1.9", 0.01, Optimizers.Adafactor with { RelativeStep = false, Beta1 = 0.9 }],
    ];

    private static SirfShampooOptions Shampoo => Optimizers.SirfShampoo with { FactorStep = 0.05, WeightDecay = 0.01 };

    [TestMethod]
    [DynamicData(nameof(Tapes))]
    public void Update_TenSteps_EqualsReferenceTape(string name, double learningRate, object options)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (nn.Parameter(Fixture.Sine(0.7, 0.9, 0.4, 3, 4)), nn.Parameter(Cosine(0.2, 1.3)));
        using var optimizer = (MeanGradientOptimizer)((OptimizerOptions)options with { NoDecay = NoDecay.Nothing }).Build([weight, bias], 0);

        AssertTape(name, weight, bias, gradients => optimizer.Update(gradients, Samples, learningRate));
    }

    [TestMethod]
    public void Factor_WarmupThatIsNoFraction_Throws() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => (LearningRateSchedule.Cosine with { WarmupFraction = double.NaN }).Factor(0, 10));

    [TestMethod]
    public void Factor_LinearWithWarmup_RisesThenFallsToZero()
    {
        var schedule = LearningRateSchedule.Linear with { WarmupFraction = 0.2 };

        Assert.AreEqual(0.5, schedule.Factor(0, 10), 1e-12);
        Assert.AreEqual(1, schedule.Factor(2, 10), 1e-12);
        Assert.AreEqual(1.0 / 8, schedule.Factor(9, 10), 1e-12);
        Assert.AreEqual(0.5, LearningRateSchedule.Cosine.Factor(5, 10), 1e-12);
        Assert.AreEqual(1, LearningRateSchedule.Constant.Factor(9, 10), 1e-12);
    }

    [TestMethod]
    public void FactorAt_BetweenSteps_IsBetweenTheirFactors()
    {
        var schedule = LearningRateSchedule.Linear with { WarmupFraction = 0.2 };

        Assert.AreEqual(0.75, schedule.FactorAt(0.5, 10), 1e-12);
        Assert.AreEqual(1, schedule.FactorAt(1.5, 10), 1e-12); // the warm-up ends with the second step
        Assert.AreEqual(0.5 / 8, schedule.FactorAt(9.5, 10), 1e-12);
        Assert.AreEqual(0, schedule.FactorAt(10, 10));
        Assert.AreEqual(0.5, LearningRateSchedule.Linear.FactorAt(5e12, 10_000_000_000_000), 1e-12);
        for (var step = 0; step < 10; step++)
        {
            Assert.AreEqual(schedule.Factor(step, 10), schedule.FactorAt(step, 10));
        }
    }

    [TestMethod]
    public void Validate_OutOfRange_NamesTheSetting()
    {
        AssertInvalid(Ief with { Damping = -1 }, "Damping");
        AssertInvalid(Ief with { LearningRate = 0 }, "LearningRate");
        AssertInvalid(Sf with { Samples = 0 }, "Samples");
        AssertInvalid(Optimizers.AdamW with { Beta1 = 1 }, "Beta1");
        AssertInvalid(Optimizers.Sgd with { Momentum = double.NaN }, "Momentum");
        AssertInvalid(Optimizers.FAdam with { ClipThreshold = 0 }, "ClipThreshold");
        AssertInvalid(Optimizers.FAdam with { FisherExponent = double.PositiveInfinity }, "FisherExponent");
        AssertInvalid(Optimizers.FAdam with { Beta2 = 1 }, "Beta2");
        AssertInvalid(Optimizers.FAdam with { EpsilonMode = (EpsilonMode)7 }, "EpsilonMode");
        AssertInvalid(Optimizers.RootFreeRmsProp with { Alpha = -0.1 }, "Alpha");
        AssertInvalid(Optimizers.RootFreeRmsProp with { Epsilon = -1 }, "Epsilon");
        AssertInvalid(Optimizers.RootFreeAdamW with { WeightDecay = double.NaN }, "WeightDecay");
        AssertInvalid(Optimizers.SirfShampoo with { FactorStep = 1.5 }, "FactorStep");
        AssertInvalid(Optimizers.SirfShampoo with { FactorInterval = 0 }, "FactorInterval");
        AssertInvalid(Optimizers.SirfShampoo with { LargestDenseAxis = 0 }, "LargestDenseAxis");
        AssertInvalid(Optimizers.SirfShampoo with { LargeAxes = (LargeAxisFactor)2 }, "LargeAxes");
        AssertInvalid(Optimizers.Adafactor with { ClipThreshold = 0 }, "ClipThreshold");
        AssertInvalid(Optimizers.Adafactor with { DecayExponent = 0 }, "DecayExponent");
        AssertInvalid(Optimizers.Adafactor with { RelativeStep = false, WarmupInit = true }, "WarmupInit");
    }

    private static void AssertInvalid(OptimizerOptions options, string name)
    {
        var exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(options.Validate);
        Assert.AreEqual(name, exception.ParamName);
    }

    private static void AssertTape(string name, Tensor weight, Tensor bias, Action<Tensor[]> update)
    {
        var tape = Fixture.Read("spec/optimizer_tapes.json").GetProperty(name);
        for (var step = 1; step <= tape.GetArrayLength(); step++)
        {
            var gradient = Enumerable.Range(0, 12).Select(i => Math.Sin((0.37 * (i + 1) * step) + (0.1 * i)) * (0.05 + (0.02 * i)));
            var shift = Enumerable.Range(0, 3).Select(i => Math.Cos(0.61 * (i + 1) * step) * (0.3 + (0.1 * i)));
            update([tensor(gradient.ToArray(), 3, 4), tensor(shift.ToArray())]);
            Fixture.AssertClose(tape[step - 1].GetProperty("w").ToTensor().view(3, 4), weight.detach());
            Fixture.AssertClose(tape[step - 1].GetProperty("b").ToTensor(), bias.detach());
        }
    }

    private static Tensor Cosine(double scale, double frequency) => Fixture.Sine(scale, frequency, Math.PI / 2, 3);
}
