using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using static TorchSharp.torch;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>Adapters from PEFT's files and back.</summary>
[TestClass]
public sealed class PeftFilesTests
{
    // How a field is when it is absent; what is written leaves out what later versions of PEFT added.
    private static readonly Dictionary<string, string> Defaults = new()
    {
        ["megatron_core"] = "\"megatron.core\"",
        ["peft_version"] = "\"0.21.2\"",
        ["qalora_group_size"] = "16",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("peft-files").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(PeftReferenceTests.Names), typeof(PeftReferenceTests))]
    public void SavePeft_OfALoadedAdapter_GivesEqualTensorsAndSettings(string name)
    {
        using var transformer = Load(PeftFixture.Folder(name));

        transformer.Model.SavePeft(_folder);

        var (original, saved) = (File.ReadAllBytes(PathOf(PeftFixture.Folder(name))), File.ReadAllBytes(PathOf(_folder)));
        if (name != "bert-lora-bias-all")
        {
            CollectionAssert.AreEqual(original, saved);
        }

        AssertEqualTensors(original, saved);
        AssertEqualSettings(PeftFixture.Folder(name));
        CollectionAssert.AreEquivalent(
            new[] { "adapter_config.json", "adapter_model.safetensors", "adapter_model.safetensors.sha256", "classifier.json", "README.md", "tokenizer_config.json", "vocab.txt" },
            Directory.GetFiles(_folder).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    [DynamicData(nameof(PeftReferenceTests.Names), typeof(PeftReferenceTests))]
    public void SavePeft_AfterModelSaveAndLoad_GivesTheSameFiles(string name)
    {
        using var transformer = Load(PeftFixture.Folder(name));
        var zip = Path.Combine(_folder, "model.zip");
        var data = TinyText.KeyedRows(_mlContext, 12);
        _mlContext.Model.Save(transformer, data.Schema, zip);
        using var loaded = (TextClassificationTransformer)_mlContext.Model.Load(zip, out _);

        loaded.Model.SavePeft(_folder);

        AssertEqualTensors(File.ReadAllBytes(PathOf(PeftFixture.Folder(name))), File.ReadAllBytes(PathOf(_folder)));
        AssertEqualSettings(PeftFixture.Folder(name));
        CollectionAssert.AreEqual(
            TinyText.Scores(transformer, data).SelectMany(row => row).ToArray(), TinyText.Scores(loaded, data).SelectMany(row => row).ToArray());
    }

    [TestMethod]
    [DataRow("all-linear")]
    [DataRow("pattern")]
    [DataRow("dora")]
    [DataRow("text")]
    public void SavePeft_TrainedHere_IsReadBackWithEqualScoresAndSettings(string kind)
    {
        AdapterOptions adapter = kind switch
        {
            "all-linear" => Adapters.LoRA with { TargetModules = LoraOptions.AllLinear, Rank = 2, Bias = LoraBias.All },
            "pattern" => Adapters.LoRA with { TargetPattern = ".*(query|key)", UseRsLoRA = true, ModulesToSave = ["pooler"] },
            "dora" => Adapters.LoRA with { UseDoRA = true, Bias = LoraBias.LoraOnly },
            _ => Adapters.PromptTuning with { TokenCount = 3, Initialization = PromptInitialization.Text, InitialText = "the film" },
        };
        var data = TinyText.KeyedRows(_mlContext, 24);
        using var model = TinyText.Trainer(_mlContext, options => options.Adapter = adapter).Fit(data);

        model.Model.SavePeft(_folder, baseModel: "my/base");
        var loaded = PublicCheckpoints.LoadPeft(_folder);
        using var transformer = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model, loaded, ["good", "bad"], "Text");

        CollectionAssert.AreEqual(
            TinyText.Scores(model, data).SelectMany(row => row).ToArray(), TinyText.Scores(transformer, data).SelectMany(row => row).ToArray());
        Assert.AreEqual("my/base", loaded.Base!.Name);
        var (expected, actual) = (adapter.ToConfig(model.Model.Scorer.Model.Network.Base), loaded.Options.ToConfig(transformer.Model.Scorer.Model.Network.Base));
        Assert.AreEqual(expected.ToJsonString(), actual.ToJsonString());
    }

    [TestMethod]
    public void Fit_FromALoadedAdapter_StartsFromItsWeights()
    {
        var adapter = PublicCheckpoints.LoadPeft(PeftFixture.Folder("bert-dora"));
        var data = TinyText.KeyedRows(_mlContext, 12, "good", "bad", "neutral");
        using var scored = Load(PeftFixture.Folder("bert-dora"));

        using var still = TinyText.Trainer(_mlContext, options =>
        {
            options.Adapter = adapter;
            options.Optimizer = Optimizers.Sgd with { LearningRate = 1e-30 };
        }).Fit(data);
        using var fresh = TinyText.Trainer(_mlContext, options =>
        {
            options.Adapter = adapter with { KeepHead = false };
            options.Optimizer = Optimizers.Sgd with { LearningRate = 1e-30 };
        }).Fit(TinyText.KeyedRows(_mlContext, 12));

        CollectionAssert.AreEqual(
            TinyText.Scores(scored, data).SelectMany(row => row).ToArray(), TinyText.Scores(still, data).SelectMany(row => row).ToArray());
        Assert.HasCount(2, fresh.Model.ClassNames);
        Assert.IsTrue(fresh.Model.Scorer.Model.Adapter is LoraOptions { UseDoRA: true });
    }

    [TestMethod]
    public void LoadPeft_BareEncoderAndOlderNames_AreRead()
    {
        WriteBare(config => config);

        using var expected = PeftFixture.Create("bert-lora-wide");
        using var actual = PeftFixture.Create(PublicCheckpoints.LoadPeft(_folder));

        foreach (var (first, second) in expected.TrainableParameters.Zip(actual.TrainableParameters).Where(pair => pair.First.Name.StartsWith("bert", StringComparison.Ordinal)))
        {
            Assert.AreEqual(first.Name, second.Name);
            CollectionAssert.AreEqual(first.Value.bytes.ToArray(), second.Value.bytes.ToArray());
        }
    }

    /// <summary>PEFT compares patterns with names that lack the prefix there: the scale would be another one here.</summary>
    [TestMethod]
    [DataRow("^encoder.layer.0", true)]
    [DataRow("layer.[^1].attention.self.query", false)]
    public void LoadPeft_BareEncoderAndPatternOfABeginning_IsRefused(string pattern, bool isRefused)
    {
        WriteBare(config =>
        {
            var json = JsonNode.Parse(config)!;
            json["alpha_pattern"] = new JsonObject { [pattern] = 3 };
            return json.ToJsonString();
        });

        void Create() => PeftFixture.Create(PublicCheckpoints.LoadPeft(_folder)).Dispose();

        if (isRefused)
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(Create).Message, $"whose names lack 'bert.', and '{pattern}'");
        }
        else
        {
            Create();
        }
    }

    [TestMethod]
    public void SavePeft_NoSuchAdapterInPeft_NamesWhatToDo()
    {
        using var model = TinyText.Trainer(_mlContext, options => options.Adapter = Adapters.BiasOnly).Fit(TinyText.KeyedRows(_mlContext, 12));

        var error = Assert.ThrowsExactly<NotSupportedException>(() => model.Model.SavePeft(_folder));

        StringAssert.Contains(error.Message, "SavePretrained");
        model.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Model.SavePeft(_folder));
    }

    private void WriteBare(Func<string, string> change)
    {
        var entries = new List<SafetensorsEntry>();
        using var scope = NewDisposeScope();
        using (var file = SafetensorsFile.Open(PathOf(PeftFixture.Folder("bert-lora-wide"))))
        {
            foreach (var name in file.Names.Where(name => !name.Contains("classifier", StringComparison.Ordinal)))
            {
                var bare = name.Replace("model.bert.", "model.", StringComparison.Ordinal).Replace(".base_layer", "", StringComparison.Ordinal);
                entries.Add(new SafetensorsEntry(bare, file.Read(name, ScalarType.Float32)));
            }
        }

        PeftFixture.Copy("bert-lora-wide", _folder, config => change(config.Replace("SEQ_CLS", "FEATURE_EXTRACTION", StringComparison.Ordinal)));
        using var stream = File.Create(PathOf(_folder));
        SafetensorsWriter.Write(stream, entries);
    }

    private static string PathOf(string folder) => Path.Combine(folder, AdapterConfig.WeightsName);

    private static void AssertEqualTensors(byte[] original, byte[] saved)
    {
        using var before = SafetensorsFile.FromMemory(original, "original");
        using var after = SafetensorsFile.FromMemory(saved, "saved");
        using var scope = NewDisposeScope();
        // With all biases trained, PEFT also stores the head's bias twice more: as it was and under the module's own name.
        var names = before.Names.Where(name => !name.Contains("original_module", StringComparison.Ordinal) && !name.Contains("modules_to_save", StringComparison.Ordinal));
        CollectionAssert.AreEqual(names.ToArray(), after.Names.ToArray());
        foreach (var name in after.Names)
        {
            Assert.AreEqual(before.TypeOf(name), after.TypeOf(name));
            CollectionAssert.AreEqual(before.ShapeOf(name).ToArray(), after.ShapeOf(name).ToArray());
            CollectionAssert.AreEqual(
                before.Read(name, ScalarType.Float32).bytes.ToArray(), after.Read(name, ScalarType.Float32).bytes.ToArray(), name);
        }
    }

    private void AssertEqualSettings(string original)
    {
        using var before = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(original, AdapterConfig.FileName)));
        using var after = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, AdapterConfig.FileName)));
        foreach (var field in before.RootElement.EnumerateObject())
        {
            var off = field.Value.ValueKind is JsonValueKind.Null or JsonValueKind.False || field.Value.GetRawText() is "{}";
            if (!after.RootElement.TryGetProperty(field.Name, out var value))
            {
                Assert.IsTrue(off || Defaults.GetValueOrDefault(field.Name) == field.Value.GetRawText(), field.Name);
            }
            else if (field.Name == "modules_to_save")
            {
                // PEFT's prompt tuning lists the head twice.
                CollectionAssert.AreEqual(Texts(field.Value).Distinct().ToArray(), Texts(value).ToArray());
            }
            else
            {
                Assert.IsTrue(JsonElement.DeepEquals(field.Value, value), $"{field.Name} is {value.GetRawText()}");
            }
        }

        Assert.IsEmpty(after.RootElement.EnumerateObject().Select(field => field.Name).Except(before.RootElement.EnumerateObject().Select(field => field.Name)));
    }

    private static IEnumerable<string?> Texts(JsonElement list) => list.EnumerateArray().Select(item => item.GetString());

    private TextClassificationTransformer Load(string folder) =>
        PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model, PublicCheckpoints.LoadPeft(folder), sentence1ColumnName: "Text");
}
