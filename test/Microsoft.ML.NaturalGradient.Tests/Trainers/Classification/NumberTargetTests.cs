using Microsoft.ML.NaturalGradient.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class NumberTargetTests
{
    // Labels 1 and 5: mean 3, deviation 2. A target is off by 1 where a label is off by 2.
    private static readonly NumberTarget Target = NumberTarget.For([1, 5]);

    [TestMethod]
    public void ToOutput_IsTheStandardisedLabel()
    {
        Assert.AreEqual(1, Target.ToOutput(5).Value, 1e-15);
        Assert.AreEqual(-2, Target.ToOutput(-1).Value, 1e-15);
    }

    [TestMethod]
    public void Present_HalfASquaredTarget_IsTheSquaredErrorOfTheLabel()
    {
        var report = new TrainingProgress
        {
            Epoch = 1,
            EpochCount = 1,
            Step = 1,
            StepCount = 1,
            EndOfEpoch = true,
            Loss = 0.5 * 1 * 1,
            Accuracy = null,
            LearningRate = 1,
            RowsPerSecond = 1,
            TimeLeft = TimeSpan.Zero,
            ValidationLoss = 0.5 * 3 * 3,
        };

        var presented = Target.Present(report);

        Assert.AreEqual(2 * 2, presented.Loss, 1e-12);
        Assert.AreEqual(6 * 6, presented.ValidationLoss!.Value, 1e-12);
        Assert.AreEqual(0.5, Target.ObjectiveUnits(4), 1e-12);
    }
}
