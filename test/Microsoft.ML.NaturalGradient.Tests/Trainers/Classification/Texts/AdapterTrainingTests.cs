using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Adaptation;
using TorchSharp;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Every adapter trains, is saved and is loaded through ML.NET.</summary>
[TestClass]
public sealed class AdapterTrainingTests
{
    private static readonly Dictionary<string, AdapterOptions> All = new()
    {
        ["lora"] = Adapters.LoRA,
        ["lora wide"] = Adapters.LoRA with { TargetModules = LoraOptions.AllLinear, Bias = LoraBias.All, UseRsLoRA = true, Rank = 2 },
        ["dora"] = Adapters.LoRA with { UseDoRA = true, Bias = LoraBias.LoraOnly },
        ["prompt"] = Adapters.PromptTuning with { TokenCount = 4 },
        ["biases"] = Adapters.BiasOnly,
        ["full"] = Adapters.Full,
        ["lora above"] = Adapters.LoRA with { Layers = 1 },
        ["head"] = Adapters.HeadOnly with { Solve = false },
        ["head solved"] = Adapters.HeadOnly,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("adapter-training").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> Runs =>
        All.Keys.Where(name => name != "head solved").SelectMany(name => new object[][] { [name, nameof(Optimizers.Ief)], [name, nameof(Optimizers.AdamW)] });

    public static IEnumerable<object[]> Names => All.Keys.Select(name => new object[] { name });

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(Runs))]
    public void Fit_AnyAdapter_LossFallsAndSavedModelScoresTheSame(string name, string optimizer)
    {
        var data = TinyText.KeyedRows(_mlContext, 24);
        var losses = new List<double>();
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Adapter = All[name];
            options.Optimizer = optimizer == nameof(Optimizers.Ief) ? Optimizers.Ief : Optimizers.AdamW with { LearningRate = 3e-3 };
            options.MaxEpoch = 4;
            options.MetricsCallback = progress => losses.AddRange(progress.EndOfEpoch ? [progress.Loss] : []);
        }).Fit(data);

        Fixture.AssertLess(0.99 * losses[0], losses[^1]);
        var scores = Scores(model, data);
        foreach (var file in new[] { "first.zip", "second.zip" })
        {
            var path = Path.Combine(_folder, file);
            _mlContext.Model.Save(model, data.Schema, path);
            using var loaded = (TextClassificationTransformer)_mlContext.Model.Load(path, out _);
            CollectionAssert.AreEqual(scores, Scores(loaded, data));
            Assert.AreEqual(model.Model.Scorer.Model.Adapter.Description, loaded.Model.Scorer.Model.Adapter.Description);
            // The second file is that of a merged model, whose own weights must not be what is saved.
            model.Model.MergeAdapter();
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Save_WithoutBase_IsLoadedWithItAgain(string name)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Adapter = All[name];
            options.SaveBaseModel = false;
            options.MaxEpoch = 1;
        }).Fit(data);
        var path = Path.Combine(_folder, "model.zip");
        _mlContext.Model.Save(model, data.Schema, path);

        using var loaded = (TextClassificationTransformer)new MLContext().UsePretrainedModel(TinyText.Model).Model.Load(path, out _);

        CollectionAssert.AreEqual(Scores(model, data), Scores(loaded, data));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void SavePretrained_AnyAdapterButAPrompt_IsReadBackWithEqualScores(string name)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options => options.Adapter = All[name]).Fit(data);
        if (name == "prompt")
        {
            StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => model.Model.SavePretrained(_folder)).Message, "SavePeft");
            return;
        }

        model.Model.SavePretrained(_folder);
        using var loaded = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(_folder), sentence1ColumnName: "Text");

        // Merging changes the order of float32 sums.
        AssertClose(Scores(model, data), Scores(loaded, data), 1e-5f);
        model.Model.MergeAdapter();
        CollectionAssert.AreEqual(Scores(model, data), Scores(loaded, data));
        Assert.AreEqual(name.Contains("lora", StringComparison.Ordinal) || name == "dora", model.Model.IsMerged);
        model.Model.UnmergeAdapter();
        Assert.IsFalse(model.Model.IsMerged);
        CollectionAssert.AreEqual(new[] { "good", "bad" }, loaded.Model.ClassNames.ToArray());
        using var original = SafetensorsFile.Open(Path.Combine(TinyText.Folder, "model.safetensors"));
        using var saved = SafetensorsFile.Open(Path.Combine(_folder, "model.safetensors"));
        CollectionAssert.AreEqual(original.Names.ToArray(), saved.Names.ToArray());
    }

    [TestMethod]
    public void SavePretrained_WritesWhatOtherToolsLookFor()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16, "good", "bad", "neutral"));

        model.Model.SavePretrained(_folder);

        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, "config.json")));
        var root = config.RootElement;
        Assert.AreEqual("BertForSequenceClassification", root.GetProperty("architectures")[0].GetString());
        Assert.AreEqual(3, root.GetProperty("num_labels").GetInt32());
        Assert.AreEqual("bad", root.GetProperty("id2label").GetProperty("1").GetString());
        Assert.AreEqual(2, root.GetProperty("label2id").GetProperty("neutral").GetInt32());
        Assert.AreEqual(24, root.GetProperty("hidden_size").GetInt32());
        CollectionAssert.AreEquivalent(
            new[] { "config.json", "model.safetensors", "model.safetensors.sha256", "README.md", "tokenizer_config.json", "vocab.txt" },
            Directory.GetFiles(_folder).Select(Path.GetFileName).ToArray());
        using var weights = SafetensorsFile.Open(Path.Combine(_folder, "model.safetensors"));
        Assert.AreEqual("pt", weights.Metadata["format"]);
    }

    [TestMethod]
    public void Save_BaseThatIsNoClassifier_KeepsTheMeanAndSaysHowToReadIt()
    {
        var source = Path.Combine(_folder, "base");
        CopyBase(source);
        var model = PretrainedModel.FromFolder(source);
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var trained = TinyText.Trainer(_mlContext, options => options.Model = model).Fit(data);
        var (peft, full) = (Path.Combine(_folder, "peft"), Path.Combine(_folder, "full"));

        trained.Model.SavePeft(peft);
        trained.Model.SavePretrained(full);
        using var adapted = PublicCheckpoints.LoadTextClassifier(_mlContext, model, PublicCheckpoints.LoadPeft(peft), ["good", "bad"], "Text");
        using var merged = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(full), sentence1ColumnName: "Text");

        CollectionAssert.AreEqual(Scores(trained, data), Scores(adapted, data));
        AssertClose(Scores(trained, data), Scores(merged, data), 1e-5f);
        StringAssert.Contains(File.ReadAllText(Path.Combine(full, "config.json")), "\"MeanClassifier\"");
        foreach (var folder in new[] { peft, full })
        {
            var readme = File.ReadAllText(Path.Combine(folder, "README.md"));
            StringAssert.Contains(readme, "class MeanClassifier(BertPreTrainedModel)");
            Assert.DoesNotContain(_folder, readme);
        }
    }

    [TestMethod]
    [DataRow("\"SEQ_CLS\"")]
    [DataRow("null")]
    public void LoadPeft_OnABaseThatIsNoClassifier_ReadsThePoolerAsPythonDoes(string task)
    {
        var source = Path.Combine(_folder, "base");
        CopyBase(source);
        var adapter = PublicCheckpoints.LoadPeft(PeftFixture.Copy(
            "bert-lora", Path.Combine(_folder, "adapter"), config => config.Replace("\"SEQ_CLS\"", task, StringComparison.Ordinal)));
        var data = TinyText.KeyedRows(_mlContext, 16, "good", "bad", "neutral");
        using var expected = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model, adapter, sentence1ColumnName: "Text");
        using var actual = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(source), adapter, sentence1ColumnName: "Text");

        CollectionAssert.AreEqual(Scores(expected, data), Scores(actual, data));

        // The same when only the name of the base is saved.
        using var trained = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = PretrainedModel.FromFolder(source);
            options.Adapter = adapter;
            options.SaveBaseModel = false;
        }).Fit(data);
        var path = Path.Combine(_folder, "model.zip");
        _mlContext.Model.Save(trained, data.Schema, path);
        using var loaded = (TextClassificationTransformer)new MLContext().UsePretrainedModel(PretrainedModel.FromFolder(source)).Model.Load(path, out _);
        CollectionAssert.AreEqual(Scores(trained, data), Scores(loaded, data));
    }

    [TestMethod]
    public void Fit_PromptLongerThanTheModelReads_SaysSo()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);

        var error = Assert.Throws<Exception>(
            () => TinyText.Trainer(_mlContext, options => options.Adapter = Adapters.PromptTuning with { TokenCount = 15 }).Fit(data));
        var tooLong = Assert.Throws<Exception>(() => TinyText.Trainer(_mlContext, options =>
        {
            options.Adapter = Adapters.PromptTuning with { TokenCount = 6 };
            options.MaxSequenceLength = 15;
        }).Fit(data));

        StringAssert.Contains(error.Message, "15 tokens");
        StringAssert.Contains(tooLong.Message, "at most 14 tokens beside the prompt");
    }

    [TestMethod]
    public void LoadTextClassifier_Disposed_LeavesNoLiveTensor()
    {
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        foreach (var name in new[] { "bert-dora", "bert-prompt" })
        {
            var adapter = PublicCheckpoints.LoadPeft(PeftFixture.Folder(name));
            using var transformer = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model, adapter);
            transformer.Model.MergeAdapter();
            _ = transformer.Model.PredictProbabilities(["a good film"]);
            transformer.Model.SavePeft(_folder);
        }

        Assert.AreEqual(0, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    private static void CopyBase(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(TinyText.Folder))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        var config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("BertForSequenceClassification", "BertForMaskedLM", StringComparison.Ordinal));
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance)
    {
        Assert.HasCount(expected.Length, actual);
        Fixture.AssertLess(tolerance, expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)));
    }

    private static float[] Scores(ITransformer model, IDataView data) => [.. TinyText.Scores(model, data).SelectMany(row => row)];
}
