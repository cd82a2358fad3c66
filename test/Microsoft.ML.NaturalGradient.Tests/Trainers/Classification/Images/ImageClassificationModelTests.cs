using System.Globalization;
using System.Text;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tests.Interop;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Trained models: saved, loaded, exported, used by several threads.</summary>
[TestClass]
public sealed class ImageClassificationModelTests
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly string _folder = Directory.CreateTempSubdirectory("image-model").FullName;

    private string ModelPath => Path.Combine(_folder, "model.zip");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("vit", true)]
    [DataRow("deit", true)]
    [DataRow("dinov2", true)]
    [DataRow("vit", false)]
    public void SaveAndLoad_Pipeline_GivesEqualScores(string architecture, bool saveBaseModel)
    {
        var data = _mlContext.Data.LoadFromEnumerable(TinyImages.Rows());
        using var model = _mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(TinyImages.Trainer(_mlContext, options =>
            {
                options.Model = TinyImages.Model(architecture);
                options.ImageSize = 32;
                options.SaveBaseModel = saveBaseModel;
            }))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        _mlContext.Model.Save(model, data.Schema, ModelPath);
        var other = new MLContext();

        var loaded = (saveBaseModel ? other : other.UsePretrainedModel(TinyImages.Model(architecture))).Model.Load(ModelPath, out _);

        CollectionAssert.AreEqual(Flat(TinyImages.Scores(model, data)), Flat(TinyImages.Scores(loaded, data)));
        ((IDisposable)loaded).Dispose();
    }

    [TestMethod]
    [DataRow(-1, 1000, "size of pictures is -1")]
    [DataRow(4097, 1000, "size of pictures is 4097; it must be from 0 to 4096")]
    [DataRow(224, 0, "limit of pixels is 0")]
    [DataRow(224, 500_000_001, "limit of pixels is 500000001; it must be from 1 to 500000000")]
    public void Load_SizesThatNoTrainerTakes_AreRefused(int size, long pixels, string expected)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            new ImageReading(size, pixels, UnreadableImages.Skip).Save(writer);
        }

        stream.Position = 0;

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => ImageReading.Load(new BinaryReader(stream))).Message, expected);
    }

    [TestMethod]
    public void Load_InAnotherProcess_GivesEqualScores()
    {
        var rows = TinyImages.KeyedRows(_mlContext);
        var data = _mlContext.Transforms.CopyColumns("Text", "ImagePath").Fit(rows).Transform(rows);
        using var model = TinyImages.Trainer(_mlContext, options => options.FeatureColumnName = "Text").Fit(data);
        _mlContext.Model.Save(model, data.Schema, ModelPath);
        string[] paths = [.. TinyImages.Rows().Take(4).Select(row => row.ImagePath)];
        var expected = model.Model.PredictProbabilities(paths).Select(
            scores => string.Join(' ', scores.Select(score => score.ToString("R", CultureInfo.InvariantCulture))));

        var output = ScoringProcess.Run([ModelPath, .. paths]);

        Assert.AreEqual(string.Join('\n', expected), output.Trim().ReplaceLineEndings("\n"));
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void SavePretrained_ReadBack_GivesEqualScores(string architecture)
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.Model = TinyImages.Model(architecture);
            options.ImageSize = 32;
        }).Fit(data);
        model.Model.SavePretrained(_folder);

        using var loaded = ML.Checkpoints.LoadImageClassifier(_mlContext, PretrainedModel.FromFolder(_folder), featureColumnName: "ImagePath");

        AssertClose(TinyImages.Scores(model, data), TinyImages.Scores(loaded, data));
        CollectionAssert.AreEqual(TinyImages.Classes, loaded.Model.ClassNames.ToArray());
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void SavePeft_ReadBack_GivesEqualScoresAndGoesOnTraining(string architecture)
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.Model = TinyImages.Model(architecture);
            options.ImageSize = 32;
        }).Fit(data);
        model.Model.SavePeft(_folder);
        var adapter = ML.Checkpoints.LoadPeft(_folder);

        using var loaded = ML.Checkpoints.LoadImageClassifier(
            _mlContext, TinyImages.Model(architecture), adapter, TinyImages.Classes, featureColumnName: "ImagePath");
        using var trained = TinyImages.Trainer(_mlContext, options =>
        {
            options.Model = TinyImages.Model(architecture);
            options.Adapter = adapter;
            options.ImageSize = 32;
        }).Fit(data);

        AssertClose(TinyImages.Scores(model, data), TinyImages.Scores(loaded, data));
        var (before, after) = (
            _mlContext.MulticlassClassification.Evaluate(model.Transform(data)), _mlContext.MulticlassClassification.Evaluate(trained.Transform(data)));
        Fixture.AssertLess(before.LogLoss, after.LogLoss);
    }

    [TestMethod]
    public void MergeAdapter_ChangesNothingButRounding()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext).Fit(data);
        var before = TinyImages.Scores(model, data);

        model.Model.MergeAdapter();
        AssertClose(before, TinyImages.Scores(model, data));
        Assert.IsTrue(model.Model.IsMerged);
        model.Model.UnmergeAdapter();

        CollectionAssert.AreEqual(Flat(before), Flat(TinyImages.Scores(model, data)));
    }

    [TestMethod]
    public void Predict_EngineBytesAndPaths_AgreeWithTransform()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext).Fit(data);
        using var engine = _mlContext.Model.CreatePredictionEngine<UnlabelledRow, Prediction>(model);
        var rows = TinyImages.Rows();
        var expected = TinyImages.Scores(model, data);

        var byBytes = model.Model.PredictProbabilities([.. rows.Select(row => File.ReadAllBytes(row.ImagePath))]);
        var byPath = model.Model.PredictProbabilities([.. rows.Select(row => row.ImagePath)]);
        var single = rows.Select(row => engine.Predict(new UnlabelledRow { ImagePath = row.ImagePath })).ToArray();

        CollectionAssert.AreEqual(Flat([.. byPath]), Flat([.. byBytes]));
        AssertClose(expected, [.. byPath]);
        AssertClose(expected, [.. single.Select(prediction => prediction.Score)]);
        Assert.IsTrue(single.All(prediction => prediction.Score[prediction.PredictedLabel - 1] == prediction.Score.Max()));
    }

    [TestMethod]
    public void Predict_SeveralThreads_AgreeWithOne()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext).Fit(data);
        string[] paths = [.. TinyImages.Rows().Select(row => row.ImagePath)];
        var expected = Flat([.. model.Model.PredictProbabilities(paths)]);

        Parallel.For(0, 8, _ =>
        {
            CollectionAssert.AreEqual(expected, Flat([.. model.Model.PredictProbabilities(paths)]));
            AssertClose(TinyImages.Scores(model, data), [.. model.Model.PredictProbabilities(paths)]);
        });
    }

    [TestMethod]
    public void Transform_Disposed_SaysSo()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        var model = TinyImages.Trainer(_mlContext).Fit(data);
        model.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Model.PredictProbabilities([TinyImages.Rows()[0].ImagePath]));
    }

    [TestMethod]
    public void LoadImageClassifier_NameOfTwoClasses_MakesBothDistinct()
    {
        foreach (var file in Directory.EnumerateFiles(TinyImages.ModelFolder()))
        {
            var copy = Path.Combine(_folder, Path.GetFileName(file));
            File.Copy(file, copy);
            if (copy.EndsWith("config.json", StringComparison.Ordinal))
            {
                File.WriteAllText(copy, File.ReadAllText(copy).Replace("\"0\": \"LABEL_0\"", "\"0\": \"LABEL_2\"", StringComparison.Ordinal));
            }
        }

        using var model = ML.Checkpoints.LoadImageClassifier(_mlContext, PretrainedModel.FromFolder(_folder));

        Assert.AreEqual("LABEL_2 (0), LABEL_1, LABEL_2 (2)", string.Join(", ", model.Model.ClassNames));
    }

    [TestMethod]
    public void LoadImageClassifier_NeitherHeadNorNames_SaysWhatIsMissing()
    {
        var error = Assert.Throws<ArgumentException>(() => ML.Checkpoints.LoadImageClassifier(_mlContext, PretrainedModel.ViTSmall));

        StringAssert.Contains(error.Message, "classNames");
    }

    private static void AssertClose(float[][] expected, float[][] actual)
    {
        foreach (var (one, other) in Flat(expected).Zip(Flat(actual)))
        {
            Assert.AreEqual(one, other, 2e-5);
        }
    }

    private static float[] Flat(float[][] scores) => [.. scores.SelectMany(row => row)];

    private sealed class UnlabelledRow
    {
        public string ImagePath { get; set; } = "";
    }

    private sealed class Prediction
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
