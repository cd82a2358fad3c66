using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Training in micro-batches against training in whole batches, through the trainer; float32.</summary>
[TestClass]
[DoNotParallelize]
public sealed class MicroBatchTrainingTests
{
    private const float Rounding = 2e-3f; // of a probability, after four steps

    public static IEnumerable<object[]> Methods => [[Ief], [Optimizers.AdamW], [Iekfac]];

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Fit_MicroBatches_GiveTheSameProbabilities(object method)
    {
        var optimizer = (OptimizerOptions)method;
        var (whole, parts, other) = (Scores(optimizer, null), Scores(optimizer, 3), Scores(optimizer with { LearningRate = 0.01 }, 3));

        Fixture.AssertLess(Rounding, Distance(whole, parts), optimizer.Name);
        Assert.IsGreaterThan(Rounding, Distance(other, parts), "the steps are too small to tell");
    }

    private static float[][] Scores(OptimizerOptions optimizer, int? microBatchSize)
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 16);
        using var model = TinyText.Trainer(mlContext, options => (options.Optimizer, options.MicroBatchSize) = (optimizer, microBatchSize)).Fit(data);
        return TinyText.Scores(model, data);
    }

    private static float Distance(float[][] one, float[][] other) =>
        one.Zip(other, (left, right) => left.Zip(right, (a, b) => Math.Abs(a - b)).Max()).Max();
}
