using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Models.NasBert;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>ML.NET's own models through the public trainers: trained with iEF, saved, loaded.</summary>
[TestClass]
public sealed class MLNetModelTrainingTests
{
    private static readonly Lazy<byte[]> Weights = new(() =>
    {
        using var network = MLNetReference.Classifier([9, 7, 0, 10], 50265, 16, 192, 2);
        using var stream = new MemoryStream();
        _ = MLNetReference.EncoderOf(network).save(stream);
        return stream.ToArray();
    });

    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-model").FullName;

    [TestInitialize]
    public void WriteWeights() => File.WriteAllBytes(Path.Combine(_folder, "NasBert2000000.tsm"), Weights.Value);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("LoRA")]
    [DataRow("FullFineTuning")]
    [DataRow("BiasOnly")]
    [DataRow("HeadOnly")]
    public void FitSaveLoad_NasBert_LossFallsAndScoresStay(string adapter)
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 16);
        var losses = new List<double>();

        using var model = Trainer(mlContext, options =>
        {
            options.Adapter = Adapter(adapter);
            options.MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.Loss);
                }
            };
        }).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        Directory.Delete(_folder, recursive: true); // a saved model needs nothing else
        using var loaded = (TextClassificationTransformer)new MLContext().Model.Load(stream, out _);
        Directory.CreateDirectory(_folder);

        Fixture.AssertLess(adapter == "HeadOnly" ? Math.Log(2) : losses[0], losses[^1], string.Join(", ", losses)); // a head is solved at once
        CollectionAssert.AreEqual(Flat(model, data), Flat(loaded, data));
    }

    [TestMethod]
    public void FitSaveLoad_BaseIsOnlyNamed_IsFoundByItsFile()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 8);
        using var model = Trainer(mlContext, options =>
        {
            options.MaxEpoch = 1;
            options.SaveBaseModel = false;
        }).Fit(data);
        var path = Path.Combine(_folder, "model.zip");
        mlContext.Model.Save(model, data.Schema, path);

        using var loaded = (TextClassificationTransformer)new MLContext().UsePretrainedModel(Model).Model.Load(path, out _);

        CollectionAssert.AreEqual(Flat(model, data), Flat(loaded, data));
        Fixture.AssertLess(Weights.Value.Length / 2, new FileInfo(path).Length);
    }

    [TestMethod]
    public void FitTwice_SameSeed_GivesEqualScores()
    {
        var scores = Enumerable.Range(0, 2).Select(_ =>
        {
            var mlContext = new MLContext(seed: 3);
            var data = TinyText.KeyedRows(mlContext, 8);
            using var model = Trainer(mlContext, options => options.MaxEpoch = 2).Fit(data);
            return Flat(model, data);
        }).ToArray();

        CollectionAssert.AreEqual(scores[0], scores[1]);
    }

    [TestMethod]
    public void Fit_Pairs_AreScoredAsNumbers()
    {
        var mlContext = new MLContext(seed: 1);
        var data = mlContext.Data.LoadFromEnumerable(TinyText.Rows(8).Select(row => new { row.Text, row.Pair, Label = row.Label == "good" ? 1f : 0f }));
        using var model = mlContext.Regression.Trainers.SentenceSimilarity(new SentenceSimilarityTrainer.Options
        {
            Sentence1ColumnName = "Text",
            Sentence2ColumnName = "Pair",
            Model = Model,
            MaxEpoch = 1,
            BatchSize = 4,
        }).Fit(data);

        Assert.IsTrue(model.Transform(data).GetColumn<float>("Score").All(float.IsFinite));
    }

    [TestMethod]
    public void SaveForPython_Refuses()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 8);
        using var model = Trainer(mlContext, options => options.MaxEpoch = 1).Fit(data);

        foreach (var save in new Action[] { () => model.Model.SavePeft(Path.Combine(_folder, "peft")), () => model.Model.SavePretrained(Path.Combine(_folder, "full")) })
        {
            StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(save).Message, "tokenizer of ML.NET's own models, which no library of Python has");
        }
    }

    [TestMethod]
    public void Fit_FirstLayers_AreThoseOfTheFile()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 8);

        using var model = Trainer(mlContext, options => (options.MaxEpoch, options.Model) = (1, Model with { Layers = 2 })).Fit(data);

        Assert.AreEqual($"the first 2 layers of ML.NET's NasBert in '{_folder}'", (Model with { Layers = 2 }).ToString());
        Assert.IsTrue(TinyText.Scores(model, data).SelectMany(scores => scores).All(float.IsFinite));
    }

    [TestMethod]
    public void Fit_NoFile_SaysWhereItWasLookedFor()
    {
        File.Delete(Path.Combine(_folder, "NasBert2000000.tsm"));
        var mlContext = new MLContext(seed: 1);

        var error = Assert.Throws<IOException>(() => Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 8)));

        StringAssert.Contains(error.Message, Path.Combine(_folder, "NasBert2000000.tsm"));
    }

    [TestMethod]
    public void Fit_FileOfAnotherModel_NamesWhatIsMissing()
    {
        var mlContext = new MLContext(seed: 1);
        var model = PretrainedModel.FromMLNet(MLNetModel.Roberta, Path.Combine(_folder, "NasBert2000000.tsm"));

        var error = Assert.Throws<InvalidDataException>(() => Trainer(mlContext, options => options.Model = model).Fit(TinyText.KeyedRows(mlContext, 8)));

        StringAssert.Contains(error.Message, "no tensor 'embeddings.word_embeddings.weight'");
    }

    [TestMethod]
    public void Fit_TruncatedFile_SaysSo()
    {
        var path = Path.Combine(_folder, "NasBert2000000.tsm");
        File.WriteAllBytes(path, Weights.Value[..^1]);
        var mlContext = new MLContext(seed: 1);

        var error = Assert.Throws<InvalidDataException>(() => Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 8)));

        StringAssert.Contains(error.Message, $"'{path}' is no file of TorchSharp's Module.save, or a damaged one");
        StringAssert.Contains(error.Message, "it is truncated");
    }

    [TestMethod]
    public void FromMLNet_WrongArguments_AreRefused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => PretrainedModel.FromMLNet((MLNetModel)7));
        Assert.ThrowsExactly<ArgumentException>(() => PretrainedModel.FromMLNet(MLNetModel.NasBert, " "));
        Assert.AreEqual("ML.NET's NasBert", PretrainedModel.FromMLNet(MLNetModel.NasBert).ToString());
        Assert.IsNull(PretrainedModel.FromMLNet(MLNetModel.Roberta).Location);
    }

    private PretrainedModel Model => PretrainedModel.FromMLNet(MLNetModel.NasBert, _folder);

    private static AdapterOptions Adapter(string name) => name switch
    {
        "LoRA" => Adapters.LoRA,
        "FullFineTuning" => Adapters.Full,
        "BiasOnly" => Adapters.BiasOnly,
        _ => Adapters.HeadOnly,
    };

    private static float[] Flat(ITransformer model, IDataView data) => [.. TinyText.Scores(model, data).SelectMany(scores => scores)];

    private TextClassificationTrainer Trainer(MLContext mlContext, Action<TextClassificationTrainer.Options>? change = null) =>
        TinyText.Trainer(mlContext, options =>
        {
            (options.Model, options.Optimizer, options.MaxEpoch, options.BatchSize) = (Model, Ief, 4, 8);
            change?.Invoke(options);
        });
}
