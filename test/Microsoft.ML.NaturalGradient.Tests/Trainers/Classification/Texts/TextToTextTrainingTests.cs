using static Microsoft.ML.NaturalGradient.Optimizers;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>T5 through the trainer: it answers with a word for each class.</summary>
[TestClass]
public sealed class TextToTextTrainingTests
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public static IEnumerable<object[]> Trainings =>
    [
        [Ief, Adapters.LoRA], [Ef with { LearningRate = 0.1 }, Adapters.LoRA], [Sf with { LearningRate = 0.1 }, Adapters.LoRA],
        [Optimizers.AdamW with { LearningRate = 0.01 }, Adapters.LoRA], [Ief, Adapters.PromptTuning with { TokenCount = 4 }],
        [Ief, Adapters.LoRA with { UseDoRA = true }], [Optimizers.AdamW with { LearningRate = 0.003 }, Adapters.Full], [Ief, Adapters.Full],
    ];

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(Trainings))]
    public void Fit_LossFallsAndSavedModelGivesEqualScores(OptimizerOptions optimizer, AdapterOptions adapter)
    {
        var data = TinyText.KeyedRows(_mlContext, 24);
        var losses = new List<double>();
        using var model = TinyT5Trainer(options =>
        {
            options.Optimizer = optimizer;
            options.Adapter = adapter;
            options.MaxEpoch = 5;
            options.MetricsCallback = progress => losses.AddRange(progress.EndOfEpoch ? [progress.Loss] : []);
        }).Fit(data);
        var path = Path.Combine(_folder, "model.zip");

        _mlContext.Model.Save(model, data.Schema, path);
        using var loaded = (IDisposable)_mlContext.Model.Load(path, out _);

        Fixture.AssertLess(0.99 * losses[0], losses[^1]);
        var scores = TinyText.Scores(model, data);
        Assert.IsTrue(scores.All(row => Math.Abs(row.Sum() - 1) < 1e-5));
        CollectionAssert.AreEqual(scores.SelectMany(row => row).ToArray(), TinyText.Scores((ITransformer)loaded, data).SelectMany(row => row).ToArray());
    }

    [TestMethod]
    public void Fit_PromptAndLabelWords_AreUsedAndSaved()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        var training = (TextClassificationTrainer.Options options) =>
        {
            options.Prompt = new PromptTemplate("film: {sentence1}");
            options.LabelWords = ["yes", "no"];
            options.SaveBaseModel = false;
        };
        using var plain = TinyT5Trainer().Fit(data);
        using var asked = TinyT5Trainer(training).Fit(data);
        using var stream = new MemoryStream();
        _mlContext.Model.Save(asked, data.Schema, stream);

        var loaded = new MLContext().UsePretrainedModel(TinyT5.Model).Model.Load(stream, out _);

        using var owner = (IDisposable)loaded;
        var scores = TinyText.Scores(asked, data).SelectMany(row => row).ToArray();
        CollectionAssert.AreNotEqual(TinyText.Scores(plain, data).SelectMany(row => row).ToArray(), scores);
        CollectionAssert.AreEqual(scores, TinyText.Scores(loaded, data).SelectMany(row => row).ToArray());
        CollectionAssert.AreEqual(new[] { "good", "bad" }, asked.Model.ClassNames.ToArray());
    }

    [TestMethod]
    public void Fit_LabelWordsThatBeginAlike_WarnsAndTrains()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);

        using var model = TinyT5Trainer(options => options.LabelWords = ["the good", "the bad"]).Fit(TinyText.KeyedRows(_mlContext, 8));

        Assert.IsTrue(messages.Any(message => message.Contains("'the good' and 'the bad' begin with the same token", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_ValidationAccuracy_IsThatOfEvaluate()
    {
        var data = TinyText.KeyedRows(_mlContext, 24);
        TrainingProgress? last = null;

        using var model = TinyT5Trainer(options =>
        {
            options.ValidationSet = data;
            options.MetricsCallback = progress => last = progress;
        }).Fit(data);

        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(data));
        Assert.AreEqual(metrics.MicroAccuracy, last!.ValidationAccuracy!.Value, 1e-12);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void SavePeftAndPretrained_ReadBack_GiveTheScores(bool prompt)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyT5Trainer(options => options.Adapter = prompt ? Adapters.PromptTuning with { TokenCount = 3 } : Adapters.LoRA).Fit(data);
        var (peft, full) = (Path.Combine(_folder, "peft"), Path.Combine(_folder, "full"));
        var expected = TinyText.Scores(model, data).SelectMany(row => row).ToArray();

        model.Model.SavePeft(peft);
        using var adapted = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyT5.Model, PublicCheckpoints.LoadPeft(peft), ["good", "bad"], "Text");

        CollectionAssert.AreEqual(expected, TinyText.Scores(adapted, data).SelectMany(row => row).ToArray());
        Assert.Contains("\"SEQ_2_SEQ_LM\"", File.ReadAllText(Path.Combine(peft, "adapter_config.json")));
        if (prompt)
        {
            Assert.ThrowsExactly<NotSupportedException>(() => model.Model.SavePretrained(full));
            return;
        }

        model.Model.SavePretrained(full);
        using var merged = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(full), sentence1ColumnName: "Text");
        foreach (var (left, right) in expected.Zip(TinyText.Scores(merged, data).SelectMany(row => row)))
        {
            Assert.AreEqual(left, right, 1e-4f); // merged in float32
        }
    }

    [TestMethod]
    public void SavePeft_ReferencePrompt_KeepsAllRowsOfTheFile()
    {
        var source = Path.Combine(AppContext.BaseDirectory, "Fixtures", "adapters", "t5-prompt");
        using var loaded = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyT5.Model, PublicCheckpoints.LoadPeft(source), ["good", "bad"], "Text");

        loaded.Model.SavePeft(_folder);

        CollectionAssert.AreEqual(
            File.ReadAllBytes(Path.Combine(source, "adapter_model.safetensors")), File.ReadAllBytes(Path.Combine(_folder, "adapter_model.safetensors")));
    }

    [TestMethod]
    public void Fit_SettingsThatDoNotFit_SayWhatIsWrong()
    {
        var data = TinyText.KeyedRows(_mlContext, 8);

        Assert.Contains("LabelWords", Assert.ThrowsExactly<ArgumentException>(() => TinyT5Trainer(options => options.LabelWords = ["yes"]).Fit(data)).Message);
        Assert.Contains("There are 1 LabelWords", Assert.ThrowsExactly<ArgumentException>(() => TinyT5Trainer(options => options.LabelWords = ["yes", null!]).Fit(data)).Message);
        Assert.Contains("same tokens", Assert.ThrowsExactly<ArgumentException>(() => TinyT5Trainer(options => options.LabelWords = ["yes", " yes "]).Fit(data)).Message);
        Assert.Contains("second column", Assert.ThrowsExactly<ArgumentException>(() => TinyT5Trainer(options => options.Prompt = PromptTemplate.Mrpc)).Message);
        Assert.Contains("no head", Assert.ThrowsExactly<ArgumentException>(() => TinyT5Trainer(options => options.Adapter = Adapters.HeadOnly).Fit(data)).Message);
        Assert.Contains("encoder", Assert.ThrowsExactly<ArgumentException>(
            () => TinyText.Trainer(_mlContext, options => options.Prompt = PromptTemplate.Cola).Fit(data)).Message);
        var pairs = _mlContext.Data.LoadFromEnumerable([new { Label = 1f, Sentence1 = "good", Sentence2 = "bad" }]);
        Assert.Contains("no number", Assert.ThrowsExactly<NotSupportedException>(
            () => _mlContext.Regression.Trainers.SentenceSimilarity(Ief, model: TinyT5.Model).Fit(pairs)).Message);
    }

    private TextClassificationTrainer TinyT5Trainer(Action<TextClassificationTrainer.Options>? change = null) => TinyText.Trainer(_mlContext, options =>
    {
        options.Model = TinyT5.Model;
        change?.Invoke(options);
    });
}
