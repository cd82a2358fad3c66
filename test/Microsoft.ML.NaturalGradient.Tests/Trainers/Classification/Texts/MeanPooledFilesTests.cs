using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Tests.Adaptation;
using static Microsoft.ML.NaturalGradient.Tests.Classification.SavedFolder;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Heads that read the mean of the tokens: no other program may read them with another pooling, whoever saved them last.</summary>
[TestClass]
public sealed class MeanPooledFilesTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mean-pooled").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("bert", "Bert", true)]
    [DataRow("roberta", "Roberta", true)]
    [DataRow("electra", "Electra", false)]
    [DataRow("distilbert", "DistilBert", false)]
    [DataRow("deberta-v2", "DebertaV2", false)]
    [DataRow("modernbert", "ModernBert", false)]
    [DataRow("mpnet", "MPNet", true)]
    public void SavePretrained_IsRefusedByTransformersAndReadHere(string name, string className, bool hasPooler)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = Train(Base(In("base"), name, className + "Model"), data);

        model.Model.SavePretrained(In("saved"));
        using var loaded = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(In("saved")), sentence1ColumnName: "Text");
        loaded.Model.SavePretrained(In("again"));
        using var again = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(In("again")), sentence1ColumnName: "Text");

        foreach (var folder in new[] { In("saved"), In("again") })
        {
            // A type that transformers does not know is refused by all of its automatic classes, and by its tokenizers' only if they are not named.
            Assert.AreEqual("mean_pooled_" + name, (string?)Json(folder, "config.json")["model_type"]);
            Assert.AreEqual("MeanClassifier", (string?)Json(folder, "config.json")["architectures"]![0]);
            Assert.AreEqual("BertTokenizer", (string?)Json(folder, "tokenizer_config.json")["tokenizer_class"]);
            CollectionAssert.IsSubsetOf(new[] { "mean_classifier.weight", "mean_classifier.bias" }, WeightNames(folder));
            Assert.IsFalse(WeightNames(folder).Any(weight => weight.StartsWith("classifier.", StringComparison.Ordinal)));
            var readme = File.ReadAllText(Path.Combine(folder, "README.md"));
            Assert.Contains($"class MeanClassifier({className}PreTrainedModel):", readme);
            Assert.Contains($"    model_type = \"mean_pooled_{name}\"\n", readme);
            Assert.Contains($"{className}Model(config{(hasPooler ? ", add_pooling_layer=False" : "")})", readme);
            Assert.Contains("model = MeanClassifier.from_pretrained(folder).eval()", readme);
        }

        AssertClose(Scores(model, data), Scores(loaded, data));
        CollectionAssert.AreEqual(Scores(loaded, data), Scores(again, data));
    }

    [TestMethod]
    public void SavePeft_HeadHasANameThatPeftRefuses()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        var source = Base(In("base"), "bert", "BertModel");
        using var model = Train(source, data);

        model.Model.SavePeft(In("adapter"));

        // With "classifier" to be saved but not in the file, PEFT looks it up in vain on every model that has one: KeyError.
        CollectionAssert.AreEqual(
            new[] { "classifier", "score", "mean_classifier" },
            Json(In("adapter"), "adapter_config.json")["modules_to_save"]!.AsArray().Select(name => (string?)name).ToArray());
        var names = WeightNames(In("adapter"), AdapterConfig.WeightsName);
        CollectionAssert.Contains(names, "base_model.model.mean_classifier.weight");
        Assert.IsFalse(names.Any(name => name.Contains(".classifier.", StringComparison.Ordinal)));
        var readme = File.ReadAllText(Path.Combine(In("adapter"), "README.md"));
        Assert.Contains("from peft import PeftModel\n", readme);
        Assert.Contains("    model_type = \"bert\"\n", readme);
        Assert.Contains("model = PeftModel.from_pretrained(base, folder).eval()", readme);
        Assert.Contains("torch.ones(states.shape[:2], device=states.device) if mask is None else mask", readme);
        Assert.DoesNotContain(_folder, readme);
    }

    [TestMethod]
    [DataRow("BertModel", true)]
    [DataRow("BertModel", false)]
    [DataRow("BertForSequenceClassification", true)]
    [DataRow("BertForSequenceClassification", false)]
    public void LoadPeft_SavedAgainByAnotherProgram_StillReadsTheMean(string architecture, bool metadata)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = Train(Base(In("base"), "bert", "BertModel"), data);
        model.Model.SavePeft(In("adapter"));
        var adapter = PublicCheckpoints.LoadPeft(SaveAgain(In("adapter"), In("again"), metadata));

        using var loaded = PublicCheckpoints.LoadTextClassifier(
            _mlContext, Base(In("other"), "bert", architecture), adapter, ["good", "bad"], "Text");

        CollectionAssert.AreEqual(Scores(model, data), Scores(loaded, data));
    }

    [TestMethod]
    [DataRow("\"SEQ_CLS\"")]
    [DataRow("\"FEATURE_EXTRACTION\"")]
    public void LoadPeft_HeadOfPeftWithoutMetadata_IsNeverReadWithTheMean(string task)
    {
        PeftFixture.Copy("bert-lora", In("original"), config => config.Replace("\"SEQ_CLS\"", task, StringComparison.Ordinal));
        var adapter = PublicCheckpoints.LoadPeft(SaveAgain(In("original"), In("again"), metadata: false));
        var (own, bare) = (Base(In("own"), "bert"), Base(In("bare"), "bert", "BertModel"));
        TextClassificationTransformer Load(PretrainedModel model) => PublicCheckpoints.LoadTextClassifier(_mlContext, model, adapter, ["a", "b", "c"], "Text");

        if (task == "\"SEQ_CLS\"")
        {
            var data = TinyText.KeyedRows(_mlContext, 16);
            using var expected = Load(own);
            using var loaded = Load(bare);
            CollectionAssert.AreEqual(Scores(expected, data), Scores(loaded, data));
        }
        else
        {
            Assert.Contains("base_model.model.classifier.weight", Assert.ThrowsExactly<InvalidDataException>(() => Load(bare)).Message);
        }
    }

    [TestMethod]
    public void Load_SavedByAnEarlierVersion_GivesItsScores()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        var expected = EarlierScores("mean");
        var adapter = PublicCheckpoints.LoadPeft(Earlier("adapter"));
        using var zip = (TextClassificationTransformer)_mlContext.Model.Load(Earlier("mean.zip"), out _);
        using var full = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(Earlier("full")), sentence1ColumnName: "Text");

        AssertClose(expected, Scores(zip, data));
        AssertClose(expected, Scores(full, data));
        foreach (var architecture in new[] { "BertModel", "BertForSequenceClassification" })
        {
            // On a base that is a classifier, the head was once read with the classifier's pooling.
            using var adapted = PublicCheckpoints.LoadTextClassifier(
                _mlContext, Base(In(architecture), "bert", architecture), adapter, ["good", "bad"], "Text");
            AssertClose(expected, Scores(adapted, data));
        }

        // What is saved now has the new name.
        zip.Model.SavePeft(In("adapter"));
        CollectionAssert.Contains(WeightNames(In("adapter"), AdapterConfig.WeightsName), "base_model.model.mean_classifier.bias");
        using var again = PublicCheckpoints.LoadTextClassifier(
            _mlContext, PretrainedModel.FromFolder(In("BertModel")), PublicCheckpoints.LoadPeft(In("adapter")), sentence1ColumnName: "Text");
        CollectionAssert.AreEqual(Scores(zip, data), Scores(again, data));
    }

    [TestMethod]
    public void LoadTextClassifier_HeadOfAnotherTask_IsRefused()
    {
        // Its head is called classifier too, but reads every token by itself.
        var model = Base(In("base"), "bert", "BertForTokenClassification");

        var error = Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadTextClassifier(_mlContext, model, sentence1ColumnName: "Text"));

        Assert.Contains("saved as BertForTokenClassification", error.Message);
    }

    [TestMethod]
    public void Fit_FromASavedFolder_GoesOnFromItsHead()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = Train(Base(In("base"), "bert", "BertModel"), data);
        model.Model.SavePretrained(In("saved"));

        using var still = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = PretrainedModel.FromFolder(In("saved"));
            options.Optimizer = Optimizers.Sgd with { LearningRate = 1e-30 };
        }).Fit(data);

        AssertClose(Scores(model, data), Scores(still, data));
    }

    private TextClassificationTransformer Train(PretrainedModel source, IDataView data) =>
        TinyText.Trainer(_mlContext, options => options.Model = source).Fit(data);

    private string In(string name) => Path.Combine(_folder, name);
}
