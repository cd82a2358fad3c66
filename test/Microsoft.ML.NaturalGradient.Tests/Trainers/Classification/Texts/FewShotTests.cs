using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

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
    [DataRow(nameof(Optimizers.Ief), true)]
    [DataRow(nameof(Optimizers.Ief), false)]
    [DataRow(nameof(Optimizers.AdamW), true)]
    public void Fit_BringsVectorsOfOneClassTogetherAndSolvesTheHeadOnThem(string optimizer, bool lora)
    {
        var reports = new List<TrainingProgress>();
        using var few = Fit(options =>
        {
            options.FewShot = true;
            options.MaxEpoch = 4;
            options.BatchSize = 3;
            options.Adapter = lora ? Adapters.LoRA : Adapters.Full;
            options.Optimizer = optimizer == nameof(Optimizers.Ief) ? Optimizers.Ief : Optimizers.AdamW with { LearningRate = 3e-3 };
            options.ValidationSetFraction = 0.25;
            options.MetricsCallback = reports.Add;
        });
        using var solved = Fit(options => (options.Adapter, options.ValidationSetFraction) = (Adapters.HeadOnly, 0.25));

        Assert.HasCount(9, reports); // a step and the end of its epoch, four times; then the head
        Assert.IsTrue(reports.All(report => report.StepCount == 1));
        Fixture.AssertLess(reports[0].Loss, reports[^2].Loss);
        Assert.IsTrue(reports.Take(8).All(report => report.ValidationLoss is null && report.Accuracy is null));
        Assert.IsNotNull(reports[^1].ValidationLoss);
        Assert.IsNotNull(reports[^1].Accuracy);
        Fixture.AssertLess(Separation(few), Separation(solved));
        Assert.IsTrue(Network(few).LinearHead!.parameters().All(parameter => parameter.requires_grad)); // saved as trained
        Assert.IsTrue(_log.Any(line => line.Contains("few rows", StringComparison.Ordinal) && line.Contains("learning rate", StringComparison.Ordinal)
            && line.Contains("batches of 12", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void EpochCount_NotGiven_IsThatOfFewSteps()
    {
        var options = new TextClassificationTrainer.Options();
        Assert.AreEqual(10, options.MaxEpoch);
        options.FewShot = true;
        Assert.AreEqual(4, options.MaxEpoch);
        options.MaxEpoch = 7;
        Assert.AreEqual(7, options.MaxEpoch);
        Assert.AreEqual(10, new SentenceSimilarityTrainer.Options { FewShot = true }.MaxEpoch);
        Assert.AreEqual(4, new ImageClassificationTrainer.Options { FewShot = true }.Epoch);
    }

    // The encoder is the same in both. On the training rows themselves, which the validation rows are here, the weakest penalty is best.
    [TestMethod]
    public void Fit_ValidationRows_ChooseThePenaltyOfTheLastHead()
    {
        var mlContext = new MLContext(seed: 1);
        var validation = TinyText.KeyedRows(mlContext, 16);
        using var alone = Fit(options => options.FewShot = true);
        var penalties = _log.Where(line => line.Contains("solved by Newton's method on 16 rows", StringComparison.Ordinal)).ToArray();
        using var watched = Fit(options => (options.FewShot, options.ValidationSet) = (true, validation));

        Assert.HasCount(2, penalties);
        Assert.AreEqual(penalties[0], penalties[1], "Without validation rows the second penalty is that of the first time.");
        Fixture.AssertLess(Loss(alone), Loss(watched));

        double Loss(TextClassificationTransformer model) => mlContext.MulticlassClassification.Evaluate(model.Transform(validation)).LogLoss;
    }

    /// <summary>Numbers have no pairs: the head is solved first and held, and the steps lower the loss of the labels.</summary>
    [TestMethod]
    public void Fit_Numbers_HoldsTheSolvedHead()
    {
        var mlContext = new MLContext(seed: 1);
        var reports = new List<TrainingProgress>();
        var rows = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 16).Select(i => new Pair { Sentence1 = $"a film {i}", Sentence2 = i % 2 == 0 ? "good" : "bad", Label = i % 2 }).ToArray());
        var trainer = mlContext.Regression.Trainers.SentenceSimilarity(new SentenceSimilarityTrainer.Options
        {
            Model = TinyText.Model,
            FewShot = true,
            MaxEpoch = 4,
            MetricsCallback = reports.Add,
        });

        trainer.Fit(rows).Dispose();

        Assert.HasCount(8, reports);
        Fixture.AssertLess(reports[0].Loss, reports[^1].Loss);
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
    public void Fit_ManyRows_GoInPartsToTheSameModel()
    {
        var mlContext = new MLContext(seed: 1);
        mlContext.Log += (_, line) => _log.Add(line.Message);
        var data = TinyText.KeyedRows(mlContext, 129);
        using var parts = TinyText.Trainer(mlContext, options => options.FewShot = true).Fit(data);
        using var whole = TinyText.Trainer(mlContext, options => (options.FewShot, options.MicroBatchSize) = (true, 129)).Fit(data);

        Assert.HasCount(1, _log.Where(line => line.Contains("A step of all 129 rows is made of parts of 64", StringComparison.Ordinal)).ToArray());
        Fixture.AssertLess(1e-4, Scores(parts, data).Zip(Scores(whole, data), (one, other) => Math.Abs((double)one - other)).Max());
    }

    // It was worse than a head alone on pictures.
    [TestMethod]
    public void Fit_FewRows_IsAdvisedToUseItForTexts()
    {
        Fit(options => options.MaxEpoch = 1).Dispose();
        var mlContext = new MLContext(seed: 1);
        var pictures = new List<string>();
        mlContext.Log += (_, line) => pictures.Add(line.Message);
        TinyImages.Trainer(mlContext, options => options.Epoch = 1).Fit(TinyImages.KeyedRows(mlContext)).Dispose();

        Assert.Contains(line => line.Contains("Try FewShot = true", StringComparison.Ordinal), _log);
        Assert.DoesNotContain(line => line.Contains("FewShot", StringComparison.Ordinal), pictures);
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
    public void Create_QualityProbe_Throws() => StringAssert.StartsWith(
        Assert.ThrowsExactly<ArgumentException>(
            () => TinyText.Trainer(new MLContext(), options => (options.FewShot, options.QualityProbe) = (true, new QualityProbe()))).Message,
        "FewShot makes a few steps of all rows with a loss of its own");

    [TestMethod]
    public void Fit_OptimizerThatDrawsLabels_Throws() => StringAssert.StartsWith(
        Assert.ThrowsExactly<NotSupportedException>(() => Fit(options => (options.FewShot, options.Optimizer) = (true, Optimizers.Sf))).Message,
        "FewShot compares pairs of rows");

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

    // How much nearer the vectors of a class are to each other than to those of the other one: mean cosines.
    private static double Separation(TextClassificationTransformer model)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = TinyText.Rows(16);
        var scorer = model.Model.Scorer;
        var tokens = rows.Select(row => scorer.Encoding.Tokenizer.Encode(row.Text!, null, scorer.Encoding.MaxTokens)).ToArray();
        using var batch = TokenBatchSource.Collate(tokens, 0, CPU);
        var vectors = new PairNetwork(Network(model)).Forward(batch);
        var labels = tensor(rows.Select(row => row.Label == rows[0].Label ? 1.0f : -1.0f).ToArray()).unsqueeze(0);
        return vectors.mm(vectors.t()).mul(labels.mul(labels.t())).mean().item<float>();
    }

    private sealed class Pair
    {
        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";

        public float Label { get; set; }
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
