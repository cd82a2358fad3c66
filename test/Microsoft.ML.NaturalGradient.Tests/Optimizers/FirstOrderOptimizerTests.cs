using Microsoft.ML.NaturalGradient.Optimization;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class FirstOrderOptimizerTests
{
    [TestMethod]
    [DataRow("AdamW_lr0.01_wd0.01", 0.01)]
    [DataRow("AdamW_lr0.01_wd0", 0.0)]
    public void Update_AdamWTenSteps_EqualsReferenceTape(string name, double decay)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (nn.Parameter(Fixture.Sine(0.7, 0.9, 0.4, 3, 4)), nn.Parameter(Cosine(0.2, 1.3)));
        using var optimizer = new AdamW([weight, bias], Optimizers.AdamW with { WeightDecay = decay });

        AssertTape(name, weight, bias, gradients => optimizer.Update(gradients, 0.01));
    }

    [TestMethod]
    [DataRow("SGD_lr0.1", 0.0, 0.0)]
    [DataRow("SGD_lr0.1_mom0.9_wd0.01", 0.9, 0.01)]
    public void Update_SgdTenSteps_EqualsReferenceTape(string name, double momentum, double decay)
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (nn.Parameter(Fixture.Sine(0.7, 0.9, 0.4, 3, 4)), nn.Parameter(Cosine(0.2, 1.3)));
        using var optimizer = new Sgd([weight, bias], Optimizers.Sgd with { Momentum = momentum, WeightDecay = decay });

        AssertTape(name, weight, bias, gradients => optimizer.Update(gradients, 0.1));
    }

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
    public void Validate_OutOfRange_NamesTheSetting()
    {
        AssertInvalid(Ief with { Damping = -1 }, "Damping");
        AssertInvalid(Ief with { LearningRate = 0 }, "LearningRate");
        AssertInvalid(Sf with { Samples = 0 }, "Samples");
        AssertInvalid(Optimizers.AdamW with { Beta1 = 1 }, "Beta1");
        AssertInvalid(Optimizers.Sgd with { Momentum = double.NaN }, "Momentum");
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
