using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class MeanLossTests
{
    /// <summary>Settings of the iEF paper and of its code, converted; losses of T5 are over a word's token and the end token.</summary>
    [TestMethod]
    [DataRow(32, 2, 50, 0.78125, 1e-12, 4.096e-9, DisplayName = "T5 prompt tuning, paper")]
    [DataRow(32, 2, 50, 0.78125, 1e-7, 4.096e-4, DisplayName = "T5 prompt tuning, code")]
    [DataRow(32, 2, 100, 1.5625, 1e-7, 4.096e-4, DisplayName = "T5 LoRA, paper")]
    [DataRow(32, 1, 100, 3.125, 1e-7, 1.024e-4, DisplayName = "ViT LoRA, paper")]
    [DataRow(32, 1, 50, 1.5625, 1e-12, 1.024e-9, DisplayName = "ViT LoRA, code")]
    [DataRow(64, 1, 50, 0.78125, 0, 0, DisplayName = "MLP, paper")]
    public void Ief_PublishedSettings_AreThoseOfTheSum(int batch, int labels, double rate, double expectedRate, double damping, double expectedDamping)
    {
        Assert.AreEqual(expectedRate, MeanLoss.LearningRate(Ief, rate, batch, labels), 1e-15);
        Assert.AreEqual(expectedDamping, MeanLoss.Damping(damping, batch, labels), 1e-12 * expectedDamping);
    }

    [TestMethod]
    public void LearningRate_OtherMethods_FollowTheirDirection()
    {
        // A sum-loss step of 1.5625 and 1.56E-3 is 32 times as much for the mean over 32 samples.
        Assert.AreEqual(32 * 1.5625, MeanLoss.LearningRate(Optimizers.Sgd, 100, 32, 2), 1e-12);
        Assert.AreEqual(32 * 1.5625e-3, MeanLoss.LearningRate(Optimizers.Sgd, 0.1, 32, 2), 1e-12);
        Assert.AreEqual(0.1, MeanLoss.LearningRate(Optimizers.Sgd, 0.1, 64), 1e-15);
        Assert.AreEqual(0.01, MeanLoss.LearningRate(Ef, 0.01, 32, 2));
        Assert.AreEqual(0.01, MeanLoss.LearningRate(Sf, 0.01, 32, 2));
        Assert.AreEqual(0.64, MeanLoss.LearningRate(Ef with { NormalizeUpdate = false }, 0.01, 32, 2), 1e-15);
        Assert.AreEqual(0.64, MeanLoss.LearningRate(Sf with { NormalizeUpdate = false }, 0.01, 32, 2), 1e-15);
        Assert.AreEqual(0.64, MeanLoss.LearningRate(Ng, 0.01, 32, 2), 1e-15);
    }

    [TestMethod]
    public void LearningRate_WithoutARule_Throws()
    {
        Assert.ThrowsExactly<ArgumentException>(() => MeanLoss.LearningRate(Optimizers.AdamW, 1e-3, 32));
        Assert.ThrowsExactly<ArgumentException>(() => MeanLoss.LearningRate(Ief with { AutomaticStep = new AutomaticStep() }, 50, 32));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MeanLoss.LearningRate(Ief, 0, 32));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MeanLoss.LearningRate(Ief, 50, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MeanLoss.Damping(1, 32, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => MeanLoss.Damping(-1, 32));
    }

    /// <summary>A step on the summed loss with converted settings is the paper's step on the mean loss.</summary>
    [TestMethod]
    public void Step_ConvertedSettings_IsTheStepOnTheMeanLoss()
    {
        const double Rate = 0.7;
        const double Damping = 0.02;
        var absolute = MeanLoss.Damping(Damping, 5);
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        var rows = toy.Reference("J").ToTensor().div(5);
        var squares = toy.Reference("s_iEF").ToTensor().div(25);
        var matrix = rows.mm(rows.t()).add(eye(5, dtype: ScalarType.Float64).mul(Damping));
        foreach (var (method, target) in new (NaturalGradientOptions, Tensor)[]
        {
            (Ief with { LiteralEq8 = true }, squares),
            (Ef with { AbsoluteDamping = true, NormalizeUpdate = false }, ones_like(squares)),
        })
        {
            var network = new ToyNetwork();
            var expected = network.Flat().sub(rows.t().mv(linalg.solve(matrix, target)).mul(Rate));
            using var optimizer = (method with { Damping = absolute, LearningRate = MeanLoss.LearningRate(method, Rate, 5) }).CreateFor(network.Parameters, 3);

            optimizer.Step(network.Forward, network.Labels);

            Fixture.AssertClose(expected, network.Flat(), 1e-9, 1e-11);
        }
    }

    [TestMethod]
    public void Settings_OfThePage_AreThePapers()
    {
        #region Paper settings
        var promptTuning = Ief with
        {
            LiteralEq8 = true,
            LearningRate = MeanLoss.LearningRate(Ief, 50, batchSize: 32, labelsPerSample: 2), // 0.78
            Damping = MeanLoss.Damping(1e-12, batchSize: 32, labelsPerSample: 2), // 4.1E-9
            Schedule = LearningRateSchedule.Constant,
        };
        var asReleased = promptTuning with
        {
            Damping = MeanLoss.Damping(1e-7, batchSize: 32, labelsPerSample: 2),
            Schedule = LearningRateSchedule.Linear,
            DuplicateThreshold = 0.99,
        };
        #endregion

        Assert.AreEqual(0.78125, promptTuning.LearningRate!.Value);
        Assert.AreEqual(4.096e-4, asReleased.Damping, 1e-15);
        promptTuning.Validate();
        asReleased.Validate();
    }
}
