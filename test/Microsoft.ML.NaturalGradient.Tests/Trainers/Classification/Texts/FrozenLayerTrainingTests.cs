using System.Text.Json;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Frozen layers that are computed once, and solved heads, through ML.NET.</summary>
[TestClass]
public sealed class FrozenLayerTrainingTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("frozen-layers").FullName;
    private readonly List<string> _log = [];

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("head", nameof(Optimizers.Ief))]
    [DataRow("head", nameof(Optimizers.AdamW))]
    [DataRow("last layer", nameof(Optimizers.Ief))]
    [DataRow("last layer", nameof(Optimizers.AdamW))]
    public void Fit_WithAndWithoutTheCache_GivesTheSameModel(string trained, string optimizer)
    {
        var (kept, computed) = (Train(new FrozenLayerCache()), Train(null));

        AssertClose(computed, kept, 1e-4f);
        AssertClose(computed, Train(new FrozenLayerCache { HalfPrecision = true }), 2e-2f);
        CollectionAssert.AreEqual(kept, Train(new FrozenLayerCache { MemoryLimit = 0 }));
        Assert.AreEqual(3, _log.Count(line => line.Contains(trained == "head" ? "What the encoder gives for 24 training rows" : "What the first 1 layers gives for 24 training rows", StringComparison.Ordinal)));

        float[] Train(FrozenLayerCache? cache) => Scores(options =>
        {
            options.Adapter = Adapter(trained);
            options.Optimizer = optimizer == nameof(Optimizers.Ief) ? Optimizers.Ief : Optimizers.AdamW with { LearningRate = 3e-3 };
            options.FrozenLayerCache = cache;
            options.MaxEpoch = 3;
        });
    }

    [TestMethod]
    public void Fit_SolvedHead_IgnoresTheOptimizerAndSaysSo()
    {
        var reports = new List<TrainingProgress>();
        var first = Scores(options => (options.Adapter, options.Optimizer, options.MetricsCallback) = (Adapters.HeadOnly, Optimizers.Ief, reports.Add));
        var second = Scores(options => (options.Adapter, options.Optimizer, options.MaxEpoch) = (Adapters.HeadOnly, Optimizers.AdamW, 7));

        CollectionAssert.AreEqual(first, second);
        Assert.AreEqual(2, _log.Count(line => line.Contains("solved by Newton's method", StringComparison.Ordinal)));
        var report = reports.Single();
        Assert.IsTrue(report.EndOfEpoch);
        Fixture.AssertLess(Math.Log(2), report.Loss);
        Assert.IsNotNull(report.ValidationLoss);
        Assert.IsNotNull(report.ValidationAccuracy);
    }

    [TestMethod]
    public void Fit_LastLayerOnly_IsSavedForPeftWithTheNamesOfItsLayers()
    {
        var mlContext = new MLContext(seed: 1);
        using var model = TinyText.Trainer(mlContext, options => options.Adapter = Adapters.LoRA with { Layers = 1 }).Fit(TinyText.KeyedRows(mlContext, 16));

        model.Model.SavePeft(_folder);

        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, "adapter_config.json")));
        CollectionAssert.AreEqual(
            new[] { "bert.encoder.layer.1.attention.self.query", "bert.encoder.layer.1.attention.self.value" },
            config.RootElement.GetProperty("target_modules").EnumerateArray().Select(name => name.GetString()).ToArray());
    }

    [TestMethod]
    public void Fit_InterruptedRun_GoesOnWithTheSameNumbers()
    {
        var whole = Scores(Settings);
        using var stop = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() => Scores(options =>
        {
            Settings(options);
            options.CheckpointFolder = _folder;
            options.CancellationToken = stop.Token;
            options.MetricsCallback = progress =>
            {
                if (progress is { Epoch: 2, Step: 2 })
                {
                    stop.Cancel();
                }
            };
        }));

        CollectionAssert.AreEqual(whole, Scores(options =>
        {
            Settings(options);
            options.CheckpointFolder = _folder;
        }));

        static void Settings(TextClassificationTrainer.Options options) => (options.Adapter, options.MaxEpoch) = (Adapters.LoRA with { Layers = 1 }, 3);
    }

    [TestMethod]
    public void Fit_MoreLayersThanThereAre_Throws()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => Scores(options => options.Adapter = Adapters.LoRA with { Layers = 3 }));

        StringAssert.StartsWith(error.Message, "LoraOptions.Layers is 3, but the model has 2 layers.");
    }

    [TestMethod]
    public void Create_LimitBelowZero_Throws() => Assert.ThrowsExactly<ArgumentOutOfRangeException>(
        () => TinyText.Trainer(new MLContext(), options => options.FrozenLayerCache = new FrozenLayerCache { MemoryLimit = -1 }));

    [TestMethod]
    public void Fit_PicturesThatChange_AreComputedInEveryEpoch()
    {
        var mlContext = Context();
        using var model = TinyImages.Trainer(mlContext, options => (options.Adapter, options.Augmentation, options.Epoch) =
            (Adapters.HeadOnly, new ImageAugmentation(), 1)).Fit(TinyImages.KeyedRows(mlContext));

        Assert.AreEqual(1, _log.Count(line => line.Contains("The training rows are changed at random", StringComparison.Ordinal)));
        Assert.IsFalse(_log.Any(line => line.Contains("Newton", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_PicturesOfHeadOnly_AreSolved()
    {
        var mlContext = Context();
        using var model = TinyImages.Trainer(mlContext, options => options.Adapter = Adapters.HeadOnly).Fit(TinyImages.KeyedRows(mlContext));

        Assert.IsTrue(_log.Any(line => line.Contains("Newton", StringComparison.Ordinal)));
    }

    private static AdapterOptions Adapter(string trained) => trained == "head" ? Adapters.HeadOnly with { Solve = false } : Adapters.LoRA with { Layers = 1 };

    private MLContext Context()
    {
        var mlContext = new MLContext(seed: 1);
        mlContext.Log += (_, line) => _log.Add(line.Message);
        return mlContext;
    }

    private float[] Scores(Action<TextClassificationTrainer.Options> change)
    {
        var mlContext = Context();
        var data = TinyText.KeyedRows(mlContext, 24);
        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.ValidationSet = TinyText.KeyedRows(mlContext, 12);
            change(options);
        }).Fit(data);
        return [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(scores => scores)];
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], tolerance);
        }
    }
}
