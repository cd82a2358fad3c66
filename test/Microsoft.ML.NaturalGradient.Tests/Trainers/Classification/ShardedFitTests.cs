using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Collectives;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Trainers in several processes, threads here, against one; float32.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ShardedFitTests
{
    private const double Rounding = 1e-4; // of scores

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    public void Fit_ChangingPictures_GivesTheModelOfOneProcess(int size) => AssertSameModel(size, collective =>
    {
        var mlContext = new MLContext(seed: 5);
        var data = TinyImages.KeyedRows(mlContext);
        var trainer = mlContext.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
        {
            FeatureColumnName = "ImagePath",
            Model = TinyImages.Model(),
            Augmentation = new ImageAugmentation(),
            Epoch = 2,
            BatchSize = 7,
            Collective = collective,
        });
        using var model = trainer.Fit(data);
        return [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(row => row)];
    });

    [TestMethod]
    [DataRow("head", 2)]
    [DataRow("upper layer", 3)]
    [DataRow("few rows", 2)]
    [DataRow("micro-batches and γ", 2)]
    [DataRow("fewer rows than processes", 4)]
    public void Fit_Texts_GivesTheModelOfOneProcess(string kind, int size) => AssertSameModel(size, collective =>
    {
        var mlContext = new MLContext(seed: 5);
        var data = TinyText.KeyedRows(mlContext, kind == "fewer rows than processes" ? 3 : 30, "good", "bad");
        var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(TinyText.Options(options =>
        {
            options.MaxEpoch = 2;
            options.BatchSize = 8;
            options.Collective = collective;
            options.Adapter = kind switch
            {
                "head" => Adapters.HeadOnly,
                "upper layer" => Adapters.LoRA with { Layers = 1 },
                _ => options.Adapter,
            };
            options.FewShot = kind == "few rows";
            options.MicroBatchSize = kind == "micro-batches and γ" ? 2 : null;
            options.QualityProbe = kind == "micro-batches and γ" ? new QualityProbe { Every = 2 } : null;
        }));
        using var model = trainer.Fit(data);
        return [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(row => row)];
    });

    [TestMethod]
    public void Fit_TimeBudget_EndsAllAtTheSameStep()
    {
        var steps = new int[2];

        AssertSameModel(2, collective =>
        {
            if (collective is null)
            {
                return null;
            }

            var mlContext = new MLContext(seed: 5);
            var data = TinyText.KeyedRows(mlContext, 40, "good", "bad");
            using var model = mlContext.MulticlassClassification.Trainers.TextClassification(TinyText.Options(options =>
            {
                (options.MaxEpoch, options.BatchSize, options.Collective) = (100_000, 8, collective);
                options.TimeBudget = TimeSpan.FromSeconds(2);
                options.MetricsCallback = _ => steps[collective.Rank]++;
            })).Fit(data);
            return [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(row => row)];
        });

        Assert.AreEqual(steps[0], steps[1]);
        Assert.IsGreaterThan(0, steps[0]);
    }

    // Against the first process where one alone gives nothing to compare.
    private static void AssertSameModel(int size, Func<ICollective?, float[]?> fit)
    {
        var expected = fit(null);
        var found = new float[size][];

        InMemoryCollective.Run(size, collective => found[collective.Rank] = fit(collective)!);

        for (var rank = 0; rank < size; rank++)
        {
            CollectionAssert.AreEqual(found[0], found[rank], $"process {rank}");
        }

        Fixture.AssertLess(Rounding, (expected ?? found[0]).Zip(found[0], (one, other) => Math.Abs((double)one - other)).Max());
    }
}
