using System.Text;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Tests.Adaptation;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static Microsoft.ML.NaturalGradient.Tests.Classification.SavedFolder;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>What Python's transformers 4.57 and peft 0.21 look for in saved folders, beside the weights.</summary>
[TestClass]
public sealed class PythonFilesTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("python-files").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Save_LongestSequence_IsInTheTokenizersFilesAndComesBack()
    {
        var rows = TinyText.Rows(16);
        Array.ForEach(rows, row => row.Text += " good bad this film was the one");
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, rows)).Transform(TinyText.View(_mlContext, rows));
        using var model = TinyText.Trainer(_mlContext, options => options.MaxSequenceLength = 9).Fit(data);

        model.Model.SavePeft(In("adapter"));
        model.Model.SavePretrained(In("model"));
        var adapter = PublicCheckpoints.LoadPeft(In("adapter"));
        using var adapted = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model, adapter, sentence1ColumnName: "Text");
        using var merged = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(In("model")), sentence1ColumnName: "Text");
        using var further = TinyText.Trainer(_mlContext, options => options.Adapter = adapter).Fit(data);
        using var longer = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = PretrainedModel.FromFolder(In("model"));
            options.MaxSequenceLength = 20;
        }).Fit(data);

        foreach (var folder in new[] { In("adapter"), In("model") })
        {
            var config = Json(folder, "tokenizer_config.json");
            Assert.AreEqual(9, (int)config["model_max_length"]!);
            Assert.AreEqual("BertTokenizer", (string?)config["tokenizer_class"]);
            Assert.IsTrue((bool)config["do_lower_case"]!);
            Assert.IsTrue(File.Exists(Path.Combine(folder, "vocab.txt")));
            Assert.Contains("- Longest sequence: 9 tokens", File.ReadAllText(Path.Combine(folder, "README.md")));
        }

        CollectionAssert.AreEqual(new[] { "good", "bad" }, adapter.ClassNames!.ToArray());
        CollectionAssert.AreEqual(new[] { "good", "bad" }, adapted.Model.ClassNames.ToArray());
        CollectionAssert.AreEqual(Scores(model, data), Scores(adapted, data));
        AssertClose(Scores(model, data), Scores(merged, data));
        Assert.AreEqual(9, further.Model.Scorer.Encoding.MaxTokens);
        Assert.AreEqual(20, longer.Model.Scorer.Encoding.MaxTokens);
    }

    /// <summary>Python takes tokenizer.json before all others: one that was left by another base would read texts in another way without a word.</summary>
    [TestMethod]
    public void SavePeft_OverAnAdapterOfAnotherBase_LeavesNoTokenizerOfIt()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        Directory.CreateDirectory(In("adapter"));
        string[] names = ["tokenizer.json", "spiece.model", "notes.txt"];
        Array.ForEach(names, name => File.WriteAllText(Path.Combine(In("adapter"), name), "of others"));

        model.Model.SavePeft(In("adapter"));

        CollectionAssert.AreEqual(new[] { "notes.txt" }, names.Where(name => File.Exists(Path.Combine(In("adapter"), name))).ToArray());
        Assert.IsTrue(File.Exists(Path.Combine(In("adapter"), "vocab.txt")));
    }

    [TestMethod]
    public void Save_ClassesWithOneNameAsText_IsRefusedAfterAWarningBeforeTheTraining()
    {
        var warnings = new List<string>();
        _mlContext.Log += (_, e) => warnings.Add($"{e.Kind}: {e.Message}");
        var view = _mlContext.Data.LoadFromEnumerable(TinyText.Rows(16).Select((row, i) => new { row.Text, Label = new DateTime(2024, 5, 6).AddTicks(i % 2) }));
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        const string expected = "Classes that differ have the same name as text: '05/06/2024 00:00:00' (1, 2). ";

        foreach (var save in new Action<string>[] { folder => model.Model.SavePeft(folder), model.Model.SavePretrained, folder => model.Model.SaveOnnx(folder) })
        {
            StringAssert.StartsWith(Assert.ThrowsExactly<InvalidOperationException>(() => save(In("model"))).Message, expected);
        }

        Assert.AreEqual(1, warnings.Count(line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains(expected, StringComparison.Ordinal)), string.Join('\n', warnings));
        Assert.IsFalse(File.Exists(Path.Combine(In("model"), "README.md")));
    }

    [TestMethod]
    public void SavePeft_Readme_HasHeaderClassesAndTheTwoLines()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        using var three = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 18, "good", "bad", "neutral"));

        model.Model.SavePeft(In("named"), "my/base");
        three.Model.SavePeft(In("unnamed"));

        var named = File.ReadAllText(Path.Combine(In("named"), "README.md"));
        Assert.StartsWith("---\nbase_model: \"my/base\"\nlibrary_name: peft\npipeline_tag: text-classification\ntags:\n- ", named);
        Assert.Contains("`num_labels`: 2.", named);
        Assert.Contains("id2label = {0: \"good\", 1: \"bad\"}\n", named);
        // The head of the base, for three classes, gives way.
        Assert.Contains(
            "base = AutoModelForSequenceClassification.from_pretrained(\"my/base\", num_labels=2, id2label=id2label, label2id=label2id, ignore_mismatched_sizes=True)\n",
            named);
        var unnamed = File.ReadAllText(Path.Combine(In("unnamed"), "README.md"));
        Assert.DoesNotContain("base_model:", unnamed);
        Assert.DoesNotContain(Path.GetTempPath(), unnamed);
        Assert.DoesNotContain(AppContext.BaseDirectory, unnamed);
        Assert.Contains("from_pretrained(\"BASE\", num_labels=3, id2label=id2label, label2id=label2id)  # BASE", unnamed);
    }

    /// <summary>The default is a cut base: the lines cut it, too, and a program that takes whole bases by their name finds none.</summary>
    [TestMethod]
    public void SavePeft_CutBase_IsCutInThePythonLinesAndNamedNowhereElse()
    {
        var trainer = _mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Sentence1ColumnName = "Text",
            Model = PretrainedModel.BgeSmall with { Layers = 2 },
            MaxEpoch = 1,
        });
        using var model = trainer.Fit(TinyText.KeyedRows(_mlContext, 8));

        model.Model.SavePeft(In("cut"));
        model.Model.SavePeft(In("renamed"), "my/base");

        foreach (var (folder, name) in new[] { ("cut", "BAAI/bge-small-en-v1.5"), ("renamed", "my/base") })
        {
            Assert.Contains($"from_pretrained(\"{name}\", num_hidden_layers=2, num_labels=2,", File.ReadAllText(Path.Combine(In(folder), "README.md")));
            Assert.IsNull(Json(In(folder), "adapter_config.json")["base_model_name_or_path"]);
        }
    }

    /// <summary>Python would put the adapter on the first layers of the whole base, whose other layers it was not trained with.</summary>
    [TestMethod]
    public void SavePeft_CutBaseOfAFolderOrAZip_IsCutInThePythonLines()
    {
        var data = TinyText.KeyedRows(_mlContext, 8);
        using var model = TinyText.Trainer(_mlContext, options => options.Model = Base(In("base"), "bert") with { Layers = 1 }).Fit(data);
        using var stream = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, stream);
        using var loaded = (TextClassificationTransformer)_mlContext.Model.Load(stream, out _);

        model.Model.SavePeft(In("folder"));
        loaded.Model.SavePeft(In("zip"));

        foreach (var folder in new[] { "folder", "zip" })
        {
            Assert.Contains("from_pretrained(\"BASE\", num_hidden_layers=1, num_labels=2,", File.ReadAllText(Path.Combine(In(folder), "README.md")));
        }
    }

    [TestMethod]
    public void LocationAs_NameOfAnAdapter_KeepsTheLayersOfTheModel()
    {
        var model = PretrainedModel.FromHub("org/base") with { Layers = 3 };

        Assert.AreEqual(new BaseLocation("org/base", Layers: 3), model.LocationAs(null));
        Assert.AreEqual(new BaseLocation("org/other", "v2", 3), model.LocationAs(new BaseLocation("org/other", "v2")));
        Assert.AreEqual(new BaseLocation("org/other"), PretrainedModel.ViTSmall.LocationAs(new BaseLocation("org/other")));
    }

    [TestMethod]
    public void SavePeft_RevisionOfTheBase_IsKept()
    {
        var original = PeftFixture.Copy("bert-lora", In("original"), config => config
            .Replace("\"revision\": null", "\"revision\": \"v2\"", StringComparison.Ordinal).Replace("../../encoders/bert", "org/base", StringComparison.Ordinal));
        var data = TinyText.KeyedRows(_mlContext, 9, "good", "bad", "neutral");
        using var model = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model, PublicCheckpoints.LoadPeft(original), sentence1ColumnName: "Text");
        using var stream = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, stream);
        using var loaded = (TextClassificationTransformer)_mlContext.Model.Load(stream, out _);

        loaded.Model.SavePeft(In("saved"));

        Assert.AreEqual("v2", (string?)Json(In("saved"), "adapter_config.json")["revision"]);
        Assert.Contains("from_pretrained(\"org/base\", revision=\"v2\", num_labels=3,", File.ReadAllText(Path.Combine(In("saved"), "README.md")));
        Assert.AreEqual(new BaseLocation("org/base", "v2"), PretrainedModel.FromHub("org/base", "v2").Location);
        Assert.AreEqual(new BaseLocation("org/base"), PretrainedModel.FromHub("org/base").Location);
    }

    [TestMethod]
    [DataRow("electra", 16, 2, 4)]
    [DataRow("distilbert", 24, 2, 4)]
    [DataRow("modernbert", 24, 4, 4)]
    public void SavePeft_Prompt_HasTheSizesThatPeftNeeds(string name, int width, int layers, int heads)
    {
        var data = TinyText.KeyedRows(_mlContext, 12);
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = Base(In("base"), name);
            options.Adapter = Adapters.PromptTuning with { TokenCount = 3, Initialization = PromptInitialization.Random };
        }).Fit(data);

        model.Model.SavePeft(In("adapter"));
        using var loaded = PublicCheckpoints.LoadTextClassifier(
            _mlContext, PretrainedModel.FromFolder(In("base")), PublicCheckpoints.LoadPeft(In("adapter")), sentence1ColumnName: "Text");

        var config = Json(In("adapter"), "adapter_config.json");
        Assert.AreEqual(width, (int)config["token_dim"]!);
        Assert.AreEqual(layers, (int)config["num_layers"]!);
        Assert.AreEqual(heads, (int)config["num_attention_heads"]!);
        Assert.AreEqual(1, (int)config["num_transformer_submodules"]!);
        using var weights = SafetensorsFile.Open(Path.Combine(In("adapter"), AdapterConfig.WeightsName));
        CollectionAssert.AreEqual(new long[] { 3, width }, weights.ShapeOf("prompt_embeddings").ToArray());
        CollectionAssert.AreEqual(Scores(model, data), Scores(loaded, data));
    }

    [TestMethod]
    [DataRow("my/base", "my/base")]
    [DataRow(null, ".")]
    public void Write_PromptFromAText_NamesATokenizer(string? baseModel, string expected)
    {
        using var classifier = new EncoderFixture("bert").CreateClassifier();
        var text = Adapters.PromptTuning with { Initialization = PromptInitialization.Text, InitialText = "the film" };
        var location = baseModel is null ? null : new BaseLocation(baseModel);

        Assert.Contains($"\"tokenizer_name_or_path\": \"{expected}\"", Encoding.UTF8.GetString(AdapterConfig.Write(text, classifier, location)));
        Assert.DoesNotContain("tokenizer_name_or_path", Encoding.UTF8.GetString(AdapterConfig.Write(Adapters.PromptTuning, classifier, location)));
    }

    [TestMethod]
    public void Save_ModernBertWithoutTokenizerSettings_GetsWhatBatchesNeed()
    {
        var source = In("base");
        _ = Base(source, "modernbert");
        File.Delete(Path.Combine(source, "tokenizer_config.json"));
        File.Delete(Path.Combine(source, "vocab.txt"));
        File.WriteAllText(Path.Combine(source, "tokenizer.json"), TokenizerJson());
        using var model = TinyText.Trainer(_mlContext, options => options.Model = PretrainedModel.FromFolder(source)).Fit(TinyText.KeyedRows(_mlContext, 12));

        model.Model.SavePretrained(In("model"));
        model.Model.SavePeft(In("adapter"));

        foreach (var folder in new[] { In("model"), In("adapter") })
        {
            var config = Json(folder, "tokenizer_config.json");
            Assert.AreEqual("PreTrainedTokenizerFast", (string?)config["tokenizer_class"]);
            Assert.AreEqual("[PAD]", (string?)config["pad_token"]);
            Assert.AreEqual(40, (int)config["model_max_length"]!);
            // The generic tokenizer hands out token types, which ModernBERT does not take.
            Assert.AreEqual("""["input_ids","attention_mask"]""", config["model_input_names"]!.ToJsonString());
        }
    }

    [TestMethod]
    public void SaveOnnx_SettingsChangeTheTokenizer_AreInItsFile()
    {
        var source = In("base");
        _ = Base(source, "bert");
        File.Delete(Path.Combine(source, "vocab.txt"));
        File.WriteAllText(Path.Combine(source, "tokenizer.json"), TokenizerJson());
        File.WriteAllText(Path.Combine(source, "tokenizer_config.json"), """{ "tokenizer_class": "BertTokenizer", "do_lower_case": false }""");
        using var model = TinyText.Trainer(_mlContext, options => options.Model = PretrainedModel.FromFolder(source)).Fit(TinyText.KeyedRows(_mlContext, 12));

        model.Model.SaveOnnx(In("model"));

        Assert.IsFalse((bool)Json(In("model"), "tokenizer.json")["normalizer"]!["lowercase"]!); // its README.md reads nothing else
    }

    [TestMethod]
    [DataRow("mpnet", "mpnet", "MPNet", "q,v")]
    [DataRow("roberta", "xlm-roberta", "XLMRoberta", "query,value")]
    [DataRow("roberta", "camembert", "Camembert", "query,value")]
    public void Save_OwnHead_NamesTheArchitecturesClasses(string fixture, string type, string className, string targets)
    {
        var source = Base(In("base"), fixture, className + "ForSequenceClassification");
        var original = Json(In("base"), "config.json");
        original["model_type"] = type;
        File.WriteAllText(Path.Combine(In("base"), "config.json"), original.ToJsonString());
        var data = TinyText.KeyedRows(_mlContext, 12);
        using var model = TinyText.Trainer(_mlContext, options => options.Model = source).Fit(data);

        model.Model.SavePretrained(In("model"));
        model.Model.SavePeft(In("adapter"));
        using var merged = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(In("model")), sentence1ColumnName: "Text");
        using var adapted = PublicCheckpoints.LoadTextClassifier(
            _mlContext, source, PublicCheckpoints.LoadPeft(In("adapter")), sentence1ColumnName: "Text");

        Assert.AreEqual(className + "ForSequenceClassification", (string?)Json(In("model"), "config.json")["architectures"]![0]);
        Assert.AreEqual(type, (string?)Json(In("model"), "config.json")["model_type"]);
        Assert.AreEqual("SEQ_CLS", (string?)Json(In("adapter"), "adapter_config.json")["task_type"]);
        Assert.AreEqual(targets, string.Join(',', Json(In("adapter"), "adapter_config.json")["target_modules"]!.AsArray().Select(name => (string?)name)));
        Assert.Contains("model = AutoModelForSequenceClassification.from_pretrained(folder)", File.ReadAllText(Path.Combine(In("model"), "README.md")));
        AssertClose(Scores(model, data), Scores(merged, data));
        CollectionAssert.AreEqual(Scores(model, data), Scores(adapted, data));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)] // where the adapter's save was ended before its files were moved
    public void SavePretrained_IntoAFolderWithAnAdapter_IsRefused(bool isInterrupted)
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 12));
        model.Model.SavePeft(isInterrupted ? In(".saved") : _folder);

        // transformers would load that adapter, on its base, from the model's own folder.
        var error = Assert.ThrowsExactly<IOException>(() => model.Model.SavePretrained(_folder));

        Assert.Contains("adapter_config.json", error.Message);
        Assert.IsFalse(File.Exists(Path.Combine(_folder, "model.safetensors")));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Save_TextToText_KeepsPromptAndWords(bool whole)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = TinyT5.Model;
            options.Prompt = new PromptTemplate("film: {sentence1}");
            options.LabelWords = ["yes", "no"];
        }).Fit(data);

        if (whole)
        {
            model.Model.SavePretrained(_folder);
        }
        else
        {
            model.Model.SavePeft(_folder);
        }

        using var loaded = PublicCheckpoints.LoadTextClassifier(
            _mlContext, whole ? PretrainedModel.FromFolder(_folder) : TinyT5.Model, whole ? null : PublicCheckpoints.LoadPeft(_folder), sentence1ColumnName: "Text");
        AssertClose(Scores(model, data), Scores(loaded, data), 1e-4f);
        CollectionAssert.AreEqual(new[] { "good", "bad" }, loaded.Model.ClassNames.ToArray());
        var readme = File.ReadAllText(Path.Combine(_folder, "README.md"));
        Assert.Contains("prompt = \"film: {sentence1}\"\nlabel_words = [\"yes\", \"no\"]\n", readme);
        Assert.Contains("AutoModelForSeq2SeqLM.from_pretrained(", readme);
        if (whole)
        {
            Assert.AreEqual("T5ForConditionalGeneration", (string?)Json(_folder, "config.json")["architectures"]![0]);
            Assert.AreEqual("t5", (string?)Json(_folder, "config.json")["model_type"]);
        }
    }

    [TestMethod]
    [DataRow("multi_label_classification", "LoadMultiLabelClassifier")]
    [DataRow("regression", "LoadTextRegression")]
    public void LoadTextClassifier_AnotherProblem_IsRefused(string problem, string reader)
    {
        _ = Base(_folder, "bert");
        var config = Json(_folder, "config.json");
        config["problem_type"] = problem;
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());

        var error = Assert.ThrowsExactly<NotSupportedException>(() => PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(_folder)));

        Assert.Contains(problem, error.Message);
        Assert.Contains(reader, error.Message);
    }

    [TestMethod]
    [DataRow("plain", "\"plain\"")]
    [DataRow("a \"b\" \\ c", "\"a \\\"b\\\" \\\\ c\"")]
    [DataRow("line\nend\u2028", "\"line\\u000aend\\u2028\"")]
    [DataRow("grün 😀", "\"grün 😀\"")]
    public void Text_AnyName_IsAPythonLiteral(string name, string expected) => Assert.AreEqual(expected, ModelCard.Text(name));

    private static string TokenizerJson()
    {
        var vocabulary = string.Join(", ", File.ReadAllLines(Path.Combine(TinyText.Folder, "vocab.txt")).Select((word, id) => $"\"{word}\": {id}"));
        return $$"""
            {
              "added_tokens": [
                { "id": 0, "content": "[PAD]", "special": true }, { "id": 1, "content": "[UNK]", "special": true },
                { "id": 2, "content": "[CLS]", "special": true }, { "id": 3, "content": "[SEP]", "special": true }
              ],
              "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true },
              "pre_tokenizer": { "type": "BertPreTokenizer" },
              "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2] },
              "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": { {{vocabulary}} } }
            }
            """;
    }

    private string In(string name) => Path.Combine(_folder, name);
}
