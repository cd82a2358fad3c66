using System.Globalization;
using System.IO.Compression;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

[TestClass]
public sealed class TextModelArchiveTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("text-model-archive").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    private string ModelPath => Path.Combine(_folder, "model.zip");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void SaveAndLoad_Pipeline_GivesEqualScoresAndSchema()
    {
        var data = TinyText.View(_mlContext, TinyText.Rows(24, "good", "bad", "neutral"));
        using var model = _mlContext.Transforms.Conversion.MapValueToKey("Label").Append(TinyText.Trainer(_mlContext))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);

        _mlContext.Model.Save(model, data.Schema, ModelPath);
        var loaded = new MLContext().Model.Load(ModelPath, out var schema);

        CollectionAssert.AreEqual(Flat(TinyText.Scores(model, data)), Flat(TinyText.Scores(loaded, data)));
        CollectionAssert.AreEqual(data.Schema.Select(column => column.Name).ToArray(), schema.Select(column => column.Name).ToArray());
        CollectionAssert.AreEqual(
            model.GetOutputSchema(data.Schema).Select(column => $"{column.Name}: {column.Type}").ToArray(),
            loaded.GetOutputSchema(data.Schema).Select(column => $"{column.Name}: {column.Type}").ToArray());
        ((IDisposable)loaded).Dispose();
    }

    [TestMethod]
    public void SaveAndLoad_Twice_KeepsPairColumnClassNamesAndAdapter()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Sentence2ColumnName = "Pair";
            options.Adapter = Adapters.LoRA with { Rank = 3, Alpha = 5, TargetModules = ["key", "intermediate.dense"] };
            options.MaxSequenceLength = 12;
        }).Fit(data);

        _mlContext.Model.Save(model, data.Schema, ModelPath);
        using var once = (TextClassificationTransformer)_mlContext.Model.Load(ModelPath, out _);
        var second = Path.Combine(_folder, "second.zip");
        _mlContext.Model.Save(once, data.Schema, second);
        using var twice = (TextClassificationTransformer)_mlContext.Model.Load(second, out _);

        CollectionAssert.AreEqual(Flat(TinyText.Scores(model, data)), Flat(TinyText.Scores(twice, data)));
        CollectionAssert.AreEqual(new[] { "good", "bad" }, twice.Model.ClassNames.ToArray());
        Assert.AreEqual(new FileInfo(ModelPath).Length, new FileInfo(second).Length);
    }

    [TestMethod]
    public void SaveAndLoad_NumericAndNamelessLabels_KeepTheirType()
    {
        var rows = TinyText.Rows(8).Select((row, i) => new NumericRow { Label = (i % 2) + 0.5, Key = (uint)(i % 2) + 1, Text = row.Text! }).ToArray();
        var view = _mlContext.Data.LoadFromEnumerable(rows);
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
        foreach (var (label, names) in new[] { ("Label", "0.5 1.5"), ("Key", "1 2") })
        {
            using var model = TinyText.Trainer(_mlContext, options => options.LabelColumnName = label).Fit(data);
            _mlContext.Model.Save(model, data.Schema, ModelPath);

            using var loaded = (TextClassificationTransformer)_mlContext.Model.Load(ModelPath, out _);

            Assert.AreEqual(names, string.Join(' ', loaded.Model.ClassNames));
            Assert.AreEqual(
                model.Transform(data).Schema["PredictedLabel"].Annotations.Schema.ToString(),
                loaded.Transform(data).Schema["PredictedLabel"].Annotations.Schema.ToString());
        }
    }

    [TestMethod]
    public void Load_InAnotherProcessWithoutRegistration_GivesEqualScores()
    {
        var data = TinyText.KeyedRows(_mlContext, 24);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        _mlContext.Model.Save(model, data.Schema, ModelPath);
        string[] texts = ["the film was good", "the meal was awful and we had it again", ""];
        var expected = model.Model.PredictProbabilities(texts).Select(
            scores => string.Join(' ', scores.Select(score => score.ToString("R", CultureInfo.InvariantCulture))));

        var output = ScoringProcess.Run([ModelPath, .. texts]);

        Assert.AreEqual(string.Join('\n', expected), output.Trim().ReplaceLineEndings("\n"));
    }

    [TestMethod]
    public void Save_WithoutBase_IsSmallAndFindsTheBaseThatIsGiven()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options => options.SaveBaseModel = false).Fit(data);
        _mlContext.Model.Save(model, data.Schema, ModelPath);

        using var loaded = (TextClassificationTransformer)new MLContext().UsePretrainedModel(TinyText.Model).Model.Load(ModelPath, out _);

        CollectionAssert.AreEqual(Flat(TinyText.Scores(model, data)), Flat(TinyText.Scores(loaded, data)));
        using var zip = ZipFile.OpenRead(ModelPath);
        Assert.IsFalse(zip.Entries.Any(entry => entry.Name is "model.safetensors" or "vocab.txt"));
        Assert.IsTrue(zip.Entries.Any(entry => entry.Name == "adapter_model.safetensors"));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void SaveAndLoad_BaseInSeveralFiles_GivesTheScoresOfTheBaseInOne(bool saveBaseModel)
    {
        var sharded = Path.Combine(_folder, "sharded");
        ShardedCopy.Create(TinyText.Folder, sharded);
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var reference = TinyText.Trainer(_mlContext).Fit(data);
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = PretrainedModel.FromFolder(sharded);
            options.SaveBaseModel = saveBaseModel;
        }).Fit(data);

        _mlContext.Model.Save(model, data.Schema, ModelPath);
        var other = saveBaseModel ? new MLContext() : new MLContext().UsePretrainedModel(PretrainedModel.FromFolder(sharded));
        using var loaded = (TextClassificationTransformer)other.Model.Load(ModelPath, out _);

        CollectionAssert.AreEqual(Flat(TinyText.Scores(reference, data)), Flat(TinyText.Scores(loaded, data)));
        using var zip = ZipFile.OpenRead(ModelPath);
        Assert.AreEqual(saveBaseModel, zip.Entries.Any(entry => entry.Name == "model.safetensors"));
    }

    [TestMethod]
    public void Load_BaseOnlyNamedAndNotGiven_SaysWhichAndHow()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options => options.SaveBaseModel = false).Fit(data);
        _mlContext.Model.Save(model, data.Schema, ModelPath);
        using var files = TinyText.Model.Open();

        var error = Assert.Throws<Exception>(() => new MLContext().Model.Load(ModelPath, out _));

        var message = Messages(error);
        StringAssert.Contains(message, BaseFingerprint.Compute(files));
        StringAssert.Contains(message, "UsePretrainedModel");
        StringAssert.Contains(message, "MiniLM has ");
    }

    [TestMethod]
    public void Save_SelfContained_HoldsFilesThatOtherToolsRead()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        _mlContext.Model.Save(model, data.Schema, ModelPath);

        using var zip = ZipFile.OpenRead(ModelPath);
        var weights = Read(zip, "model.safetensors");
        var adapter = Read(zip, "adapter_model.safetensors");
        using var original = SafetensorsFile.Open(Path.Combine(TinyText.Folder, "model.safetensors"));
        using var saved = SafetensorsFile.FromMemory(weights, "saved");
        using var trained = SafetensorsFile.FromMemory(adapter, "trained");

        CollectionAssert.AreEquivalent(
            original.Names.Where(name => !name.StartsWith("classifier", StringComparison.Ordinal)).ToArray(), saved.Names.ToArray());
        Assert.IsTrue(trained.Contains("base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight"));
        Assert.IsTrue(trained.Contains("base_model.model.classifier.weight"));
        StringAssert.Contains(System.Text.Encoding.UTF8.GetString(Read(zip, "adapter_config.json")), "\"peft_type\": \"LORA\"");
    }

    [TestMethod]
    [DataRow("adapter_model.safetensors")]
    [DataRow("model.safetensors")]
    [DataRow("adapter_config.json")]
    [DataRow("config.json")]
    public void Load_DamagedFile_NamesIt(string name)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        _mlContext.Model.Save(model, data.Schema, ModelPath);
        using (var zip = ZipFile.Open(ModelPath, ZipArchiveMode.Update))
        {
            var entry = zip.Entries.Single(entry => entry.Name == name);
            using var stream = entry.Open();
            stream.SetLength(20);
        }

        var error = Assert.Throws<Exception>(() => _mlContext.Model.Load(ModelPath, out _));

        StringAssert.Contains(Messages(error), $"'{name}'");
    }

    private static string Messages(Exception error)
    {
        var messages = new List<string>();
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            messages.Add(inner.Message);
        }

        return string.Join('\n', messages);
    }

    private static byte[] Read(ZipArchive zip, string name)
    {
        using var content = new MemoryStream();
        using var stream = zip.Entries.Single(entry => entry.Name == name).Open();
        stream.CopyTo(content);
        return content.ToArray();
    }

    private static float[] Flat(float[][] scores) => [.. scores.SelectMany(row => row)];

    private sealed class NumericRow
    {
        public double Label { get; set; }

        [KeyType(2)]
        public uint Key { get; set; }

        public string Text { get; set; } = "";
    }
}
