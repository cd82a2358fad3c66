using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static Microsoft.ML.NaturalGradient.Tests.Classification.SavedFolder;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Folders of PEFT and transformers for the tasks on texts: what Python looks for in them, and what comes back.</summary>
[TestClass]
public sealed class TaskFilesTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("task-files").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Tags_SavedAndRead_ScoreTheSame(bool adapters)
    {
        var data = Keyed(new { Sentence = "the film was good", Label = new[] { "O", "B-THING", "O", "O" } }, new { Sentence = "good book", Label = new[] { "O", "B-THING" } });
        using var model = _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);

        using var loaded = adapters
            ? PublicCheckpoints.LoadNamedEntityRecognizer(_mlContext, TinyText.Model, Adapter(model.Model))
            : PublicCheckpoints.LoadNamedEntityRecognizer(_mlContext, Whole(model.Model));

        AssertFiles(adapters, "TOKEN_CLS", "classifier", "BertForTokenClassification", null, "AutoModelForTokenClassification");
        CollectionAssert.AreEqual(model.Model.Tags.ToArray(), loaded.Model.Tags.ToArray());
        AssertClose(Vectors(model.Transform(data)), Vectors(loaded.Transform(data)));
    }

    /// <summary>Heads of one shape whose outputs mean something else: probabilities of their own, one distribution, tags of words.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Load_HeadOfAnotherTask_IsRefused(bool adapters)
    {
        var classes = Keyed(new { Text = "the film was good", Label = new[] { "film", "good" } }, new { Text = "good book", Label = new[] { "good" } });
        using var several = _mlContext.MulticlassClassification.Trainers.MultiLabelClassification(
            new MultiLabelClassificationTrainer.Options { MaxEpoch = 1, Model = TinyText.Model, Sentence1ColumnName = "Text" }).Fit(classes);
        using var one = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));

        var (model, adapter) = adapters ? (TinyText.Model, Adapter(several.Model)) : (Whole(several.Model), null);
        var ofSeveral = Assert.ThrowsExactly<NotSupportedException>(() => PublicCheckpoints.LoadTextClassifier(_mlContext, model, adapter));
        (model, adapter) = adapters ? (TinyText.Model, Adapter(one.Model)) : (Whole(one.Model), null);
        var ofOne = Assert.ThrowsExactly<NotSupportedException>(() => PublicCheckpoints.LoadMultiLabelClassifier(_mlContext, model, adapter));
        var ofTexts = Assert.Throws<Exception>(() => PublicCheckpoints.LoadNamedEntityRecognizer(_mlContext, model, adapter));

        Assert.Contains("Read it with Checkpoints.LoadMultiLabelClassifier", ofSeveral.Message);
        Assert.Contains("Read it with Checkpoints.LoadTextClassifier", ofOne.Message);
        Assert.Contains(adapters ? "task_type 'SEQ_CLS'" : "classifies whole texts and no words: it was saved as BertForSequenceClassification", ofTexts.Message);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Answers_SavedAndRead_ScoreTheSame(bool adapters)
    {
        var data = _mlContext.Data.LoadFromEnumerable(new[] { new { Question = "what was it", Context = "the film was good", TrainingAnswer = "film", AnswerIndex = 4 } });
        using var model = _mlContext.MulticlassClassification.Trainers.QuestionAnswer(new QuestionAnswerTrainer.Options { MaxEpoch = 2, Model = TinyText.Model, MaxAnswerTokens = 1 }).Fit(data);

        using var loaded = adapters
            ? PublicCheckpoints.LoadQuestionAnswerer(_mlContext, TinyText.Model, Adapter(model.Model))
            : PublicCheckpoints.LoadQuestionAnswerer(_mlContext, Whole(model.Model));

        AssertFiles(adapters, "QUESTION_ANS", "qa_outputs", "BertForQuestionAnswering", null, "AutoModelForQuestionAnswering");
        if (adapters)
        {
            Assert.Contains("PeftModel.from_pretrained(base, folder).merge_and_unload().eval()", File.ReadAllText(Path.Combine(_folder, "README.md")));
        }

        AssertClose(Vectors(model.Transform(data)), Vectors(loaded.Transform(data)));
        CollectionAssert.AreEqual(Answers(model), Answers(loaded));
        Assert.IsTrue(Answers(loaded).All(answer => !answer.Contains(' ', StringComparison.Ordinal)));

        string[] Answers(ITransformer transformer) => [.. transformer.Transform(data).GetColumn<VBuffer<ReadOnlyMemory<char>>>("Answer").SelectMany(row => row.DenseValues()).Select(answer => answer.ToString())];
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void SeveralClasses_SavedAndRead_ScoreTheSame(bool adapters)
    {
        var two = new[] { new { Sentence1 = "the film was good", Label = new[] { "joy", "film" } }, new { Sentence1 = "book", Label = new[] { "book" } } };
        var data = Keyed([.. Enumerable.Repeat(two, 5).SelectMany(rows => rows)]);
        var options = new MultiLabelClassificationTrainer.Options { MaxEpoch = 2, Model = TinyText.Model, ValidationSet = data, ChooseThresholds = true };
        using var model = _mlContext.MulticlassClassification.Trainers.MultiLabelClassification(options).Fit(data);
        Assert.IsTrue(model.Model.Thresholds.Any(threshold => threshold != 0.5f));

        using var loaded = adapters
            ? PublicCheckpoints.LoadMultiLabelClassifier(_mlContext, TinyText.Model, Adapter(model.Model))
            : PublicCheckpoints.LoadMultiLabelClassifier(_mlContext, Whole(model.Model));

        AssertFiles(adapters, "SEQ_CLS", "classifier", "BertForSequenceClassification", "multi_label_classification", "AutoModelForSequenceClassification");
        Assert.Contains("logits.sigmoid()", File.ReadAllText(Path.Combine(_folder, "README.md")));
        CollectionAssert.AreEqual(model.Model.ClassNames.ToArray(), loaded.Model.ClassNames.ToArray());
        CollectionAssert.AreEqual(model.Model.Thresholds.ToArray(), loaded.Model.Thresholds.ToArray());
        AssertClose(Vectors(model.Transform(data)), Vectors(loaded.Transform(data)));
        if (!adapters)
        {
            using var told = PublicCheckpoints.LoadMultiLabelClassifier(_mlContext, PretrainedModel.FromFolder(_folder), threshold: 0.25f);
            Assert.IsTrue(told.Model.Thresholds.All(threshold => threshold == 0.25f));
            var error = Assert.ThrowsExactly<NotSupportedException>(() => PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(_folder)));
            StringAssert.Contains(error.Message, "Read it with Checkpoints.LoadMultiLabelClassifier.");
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Numbers_SavedAndRead_ScoreTheSame(bool adapters)
    {
        var data = _mlContext.Data.LoadFromEnumerable(new[] { new { Sentence1 = "the film was good", Label = 4f }, new { Sentence1 = "bad book", Label = 1f } });
        using var model = _mlContext.Regression.Trainers.TextRegression(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);

        using var loaded = adapters
            ? PublicCheckpoints.LoadTextRegression(_mlContext, TinyText.Model, Adapter(model.Model))
            : PublicCheckpoints.LoadTextRegression(_mlContext, Whole(model.Model));

        AssertFiles(adapters, "SEQ_CLS", "classifier", "BertForSequenceClassification", "regression", "AutoModelForSequenceClassification");
        AssertClose([.. model.Transform(data).GetColumn<float>("Score")], [.. loaded.Transform(data).GetColumn<float>("Score")]);
    }

    /// <summary>Python knows no temperature: the head has it, so that everyone gets the same probabilities. T5 has no head.</summary>
    [TestMethod]
    [DataRow(true, false)]
    [DataRow(false, false)]
    [DataRow(true, true)]
    [DataRow(false, true)]
    public void CalibratedClasses_SavedAndRead_ScoreTheSame(bool adapters, bool textToText)
    {
        var (data, validation) = (TinyText.KeyedRows(_mlContext, 32), TinyText.KeyedRows(_mlContext, 20));
        var pretrained = textToText ? TinyT5.Model : TinyText.Model;
        using var model = TinyText.Trainer(_mlContext, options => (options.Model, options.ValidationSet, options.Calibrate, options.ScoreThreshold) = (pretrained, validation, true, 0.6f)).Fit(data);
        Assert.AreNotEqual(1, model.Model.Temperature);

        using var loaded = adapters
            ? PublicCheckpoints.LoadTextClassifier(_mlContext, pretrained, Adapter(model.Model), sentence1ColumnName: "Text")
            : PublicCheckpoints.LoadTextClassifier(_mlContext, Whole(model.Model), sentence1ColumnName: "Text");

        Assert.AreEqual(textToText ? model.Model.Temperature : 1, loaded.Model.Temperature);
        Assert.AreEqual(textToText, File.ReadAllText(Path.Combine(_folder, "README.md")).Contains(".div(", StringComparison.Ordinal));
        AssertClose([.. TinyText.Scores(model, data).SelectMany(row => row)], [.. TinyText.Scores(loaded, data).SelectMany(row => row)]);
        var keys = Keys(loaded);
        CollectionAssert.AreEqual(Keys(model), keys);
        Assert.Contains(0u, keys);

        uint[] Keys(ITransformer transformer) => [.. transformer.Transform(data).GetColumn<uint>("PredictedLabel")];
    }

    [TestMethod]
    [DataRow("\"temperature\": 0", "'temperature'")]
    [DataRow("\"temperature\": -1", "'temperature'")]
    [DataRow("\"score_threshold\": 1.5", "'score_threshold'")]
    [DataRow("\"thresholds\": [0.5, 2]", "'thresholds'")]
    [DataRow("\"answer_tokens\": -3", "'answer_tokens'")]
    public void LoadPeft_PredictionsThatMakeNoSense_NamesTheField(string field, string expected)
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));
        model.Model.SavePeft(_folder);
        var path = Path.Combine(_folder, "classifier.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"id2label\"", $"{field}, \"id2label\"", StringComparison.Ordinal));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadPeft(_folder)).Message, expected);
    }

    /// <summary>Adapters that Python's PEFT wrote: words of one token each give the outputs of the reference.</summary>
    [TestMethod]
    [DataRow("bert")]
    [DataRow("electra")]
    [DataRow("distilbert")]
    public void LoadNamedEntityRecognizer_FolderOfPeft_IsWhatWasTrained(string encoder)
    {
        var (folder, model) = Fixtures($"{encoder}-tokens");
        using var loaded = PublicCheckpoints.LoadNamedEntityRecognizer(_mlContext, model, PublicCheckpoints.LoadPeft(folder), ["O", "B-A", "B-B"]);
        using var tokens = SafetensorsFile.Open(Path.Combine(folder, "adapter_model.safetensors"));

        foreach (var (name, value) in loaded.Model.Scorer.Model.Network.TrainableParameters)
        {
            using var expected = tokens.Read($"base_model.model.{name}", TorchSharp.torch.ScalarType.Float32);
            Fixture.AssertClose(expected, value, 1e-6, 1e-7);
        }

        Assert.AreEqual(3, loaded.Model.PredictTags(["word5 word6 word7"])[0].Count);
    }

    [TestMethod]
    public void LoadQuestionAnswerer_FolderOfPeft_IsWhatWasTrained()
    {
        var (folder, model) = Fixtures("bert-span");
        using var loaded = PublicCheckpoints.LoadQuestionAnswerer(_mlContext, model, PublicCheckpoints.LoadPeft(folder));
        using var tokens = SafetensorsFile.Open(Path.Combine(folder, "adapter_model.safetensors"));

        foreach (var (name, value) in loaded.Model.Scorer.Model.Network.TrainableParameters)
        {
            using var expected = tokens.Read($"base_model.model.{name}", TorchSharp.torch.ScalarType.Float32);
            Fixture.AssertClose(expected, value, 1e-6, 1e-7);
        }

        Assert.IsNotEmpty(loaded.Model.FindAnswers(["word5"], ["word6 word7 word8"])[0]);
    }

    [TestMethod]
    public void Fit_AdapterOfAnotherTask_IsRefused_AndOfTheSameGoesOn()
    {
        var data = Keyed(new { Sentence = "the film was good", Label = new[] { "O", "B-THING", "O", "O" } });
        using var model = _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);
        var adapter = Adapter(model.Model);

        var error = Assert.Throws<NotSupportedException>(() => TinyText.Trainer(_mlContext, options => options.Adapter = adapter).Fit(TinyText.KeyedRows(_mlContext, 4)));
        double? first = null;
        var options = new NamedEntityRecognitionTrainer.Options { Model = TinyText.Model, MaxEpoch = 1, Adapter = adapter, MetricsCallback = progress => first ??= progress.Loss };
        using var further = _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(options).Fit(data);
        double? fresh = null;
        options = new NamedEntityRecognitionTrainer.Options { Model = TinyText.Model, MaxEpoch = 1, MetricsCallback = progress => fresh ??= progress.Loss };
        using var anew = _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(options).Fit(data);

        StringAssert.Contains(error.Message, "has task_type 'TOKEN_CLS', which this model cannot be used for. Supported are SEQ_CLS and FEATURE_EXTRACTION.");
        Fixture.AssertLess(fresh!.Value, first!.Value);
    }

    private static (string Folder, PretrainedModel Model) Fixtures(string name)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Fixtures", "tasks", name);
        var copy = Directory.CreateTempSubdirectory("task-base").FullName;
        foreach (var file in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(folder, "base", file), Path.Combine(copy, file));
        }

        File.WriteAllText(Path.Combine(copy, "vocab.txt"), EncoderFixture.Vocabulary);
        File.WriteAllText(Path.Combine(copy, "tokenizer_config.json"), """{ "tokenizer_class": "BertTokenizer" }""");
        return (folder, PretrainedModel.FromFolder(copy));
    }

    private IDataView Keyed<T>(params T[] rows)
        where T : class
    {
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
    }

    private PretrainedAdapter Adapter(FineTunedModel model)
    {
        model.SavePeft(_folder);
        return PublicCheckpoints.LoadPeft(_folder);
    }

    private PretrainedModel Whole(FineTunedModel model)
    {
        model.SavePretrained(_folder);
        return PretrainedModel.FromFolder(_folder);
    }

    private void AssertFiles(bool adapters, string task, string head, string architecture, string? problem, string pythonClass)
    {
        Assert.Contains($"{pythonClass}.from_pretrained(", File.ReadAllText(Path.Combine(_folder, "README.md")));
        if (adapters)
        {
            var adapter = Json(_folder, "adapter_config.json");
            Assert.AreEqual(task, (string?)adapter["task_type"]);
            Assert.Contains(head, ((JsonArray)adapter["modules_to_save"]!).Select(name => (string)name!));
            return;
        }

        var config = Json(_folder, "config.json");
        Assert.AreEqual(architecture, (string?)config["architectures"]![0]);
        Assert.AreEqual(problem, (string?)config["problem_type"]);
    }

    private static float[] Vectors(IDataView data) => [.. data.GetColumn<VBuffer<float>>("Score").SelectMany(row => row.DenseValues())];

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-5f);
        }
    }
}
