using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Training with few rows: a solved head that is held, and steps of all rows at once.</summary>
[TestClass]
public sealed class FewShotTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("few-shot").FullName;
    private readonly List<string> _log = [];

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(nameof(Optimizers.Ief))]
    [DataRow(nameof(Optimizers.AdamW))]
    public void Fit_HoldsTheSolvedHeadAndTrainsTheEncoder(string optimizer)
    {
        var reports = new List<TrainingProgress>();
        using var few = Fit(options =>
        {
            options.FewShot = true;
            options.MaxEpoch = 4;
            options.BatchSize = 3;
            options.Optimizer = optimizer == nameof(Optimizers.Ief) ? Optimizers.Ief : Optimizers.AdamW with { LearningRate = 3e-3 };
            options.MetricsCallback = reports.Add;
        });
        using var solved = Fit(options => options.Adapter = Adapters.HeadOnly);

        foreach (var (held, expected) in Network(few).LinearHead!.parameters().Zip(Network(solved).LinearHead!.parameters()))
        {
            Fixture.AssertClose(expected, held, 1e-3, 1e-4); // solved on vectors of other batches
            Assert.IsTrue(held.requires_grad); // saved as trained
        }

        var additions = Network(few).TrainableParameters.Where(named => named.Name.EndsWith("lora_B.weight", StringComparison.Ordinal)).ToArray();
        Assert.HasCount(4, additions);
        Assert.IsTrue(additions.All(named => named.Value.abs().max().item<float>() > 0));
        Assert.HasCount(8, reports); // a step and the end of its epoch, four times
        Assert.IsTrue(reports.All(report => report.StepCount == 1));
        Fixture.AssertLess(reports[0].Loss, reports[^1].Loss);
        Assert.IsTrue(_log.Any(line => line.Contains("few rows", StringComparison.Ordinal) && line.Contains("batches of 16", StringComparison.Ordinal)));
        Assert.IsTrue(_log.Any(line => line.Contains("solved by Newton's method on 16 rows", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Save_IsReadBackWithEqualScores()
    {
        using var model = Fit(options => options.FewShot = true);
        var mlContext = new MLContext(seed: 1);
        var (data, path) = (TinyText.KeyedRows(mlContext, 16), Path.Combine(_folder, "model.zip"));

        mlContext.Model.Save(model, data.Schema, path);

        using var loaded = (TextClassificationTransformer)mlContext.Model.Load(path, out _);
        CollectionAssert.AreEqual(Scores(model, data), Scores(loaded, data));
    }

    [TestMethod]
    public void Fit_InterruptedRun_GoesOnWithTheSameNumbers()
    {
        using var whole = Fit(Settings);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(options =>
        {
            Settings(options);
            (options.CheckpointFolder, options.CancellationToken) = (_folder, stop.Token);
            options.MetricsCallback = progress =>
            {
                if (progress is { Epoch: 2, EndOfEpoch: true })
                {
                    stop.Cancel();
                }
            };
        }));

        using var resumed = Fit(options =>
        {
            Settings(options);
            options.CheckpointFolder = _folder;
        });

        var data = TinyText.KeyedRows(new MLContext(seed: 1), 16);
        CollectionAssert.AreEqual(Scores(whole, data), Scores(resumed, data));

        static void Settings(TextClassificationTrainer.Options options) => (options.FewShot, options.MaxEpoch) = (true, 4);
    }

    [TestMethod]
    public void Fit_Pictures_Trains()
    {
        var mlContext = new MLContext(seed: 1);
        var reports = new List<TrainingProgress>();
        using var model = TinyImages.Trainer(mlContext, options => (options.FewShot, options.Epoch, options.MetricsCallback) = (true, 2, reports.Add))
            .Fit(TinyImages.KeyedRows(mlContext));

        Assert.IsTrue(reports.All(report => report.StepCount == 1));
    }

    [TestMethod]
    public void Create_Prompt_Throws()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(
            () => TinyText.Trainer(new MLContext(), options => (options.FewShot, options.Adapter) = (true, Adapters.PromptTuning)));

        StringAssert.StartsWith(error.Message, "FewShot solves the head on what the encoder gives without a prompt.");
    }

    [TestMethod]
    public void Create_HeadOnly_Throws() => StringAssert.StartsWith(
        Assert.ThrowsExactly<ArgumentException>(
            () => TinyText.Trainer(new MLContext(), options => (options.FewShot, options.Adapter) = (true, Adapters.HeadOnly))).Message,
        "FewShot trains the encoder under a solved head");

    [TestMethod]
    public void Create_PicturesThatChange_Throws() => StringAssert.StartsWith(
        Assert.ThrowsExactly<ArgumentException>(
            () => TinyImages.Trainer(new MLContext(), options => (options.FewShot, options.Augmentation) = (true, new ImageAugmentation()))).Message,
        "FewShot solves the head on pictures as they are");

    [TestMethod]
    public void Fit_NetworkWithoutAHead_Throws()
    {
        var mlContext = new MLContext(seed: 1);
        var options = TinyText.Options(changed => (changed.FewShot, changed.Model, changed.LabelWords) = (true, TinyT5.Model, ["the good", "the bad"]));

        var error = Assert.ThrowsExactly<InvalidOperationException>(
            () => mlContext.MulticlassClassification.Trainers.TextClassification(options).Fit(TinyText.KeyedRows(mlContext, 8)));

        StringAssert.StartsWith(error.Message, "FewShot needs a network with one linear layer as its head");
    }

    private static AdaptedNetwork Network(TextClassificationTransformer model) => model.Model.Scorer.Model.Network;

    private static float[] Scores(TextClassificationTransformer model, IDataView data) =>
        [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(scores => scores)];

    private TextClassificationTransformer Fit(Action<TextClassificationTrainer.Options> change)
    {
        var mlContext = new MLContext(seed: 1);
        mlContext.Log += (_, line) => _log.Add(line.Message);
        return TinyText.Trainer(mlContext, change).Fit(TinyText.KeyedRows(mlContext, 16));
    }
}
