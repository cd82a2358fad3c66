using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

using Checkpoints = Microsoft.ML.Checkpoints;

/// <summary>The code of docs/serving.md, of docs/onnx.md and of the README of the package.</summary>
[TestClass]
public sealed class ServingExampleTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("serving-example").FullName;
    private readonly string _current = Directory.GetCurrentDirectory();

    [TestInitialize]
    public void EnterFolder() => Directory.SetCurrentDirectory(_folder);

    [TestCleanup]
    public void LeaveFolder()
    {
        Directory.SetCurrentDirectory(_current);
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    public void SaveForServing_ThenLoad_Predicts()
    {
        Save();

        var prediction = Predict();

        Assert.AreEqual(2, prediction.Score.Length);
        CollectionAssert.Contains(new[] { "good", "bad" }, prediction.PredictedLabel);
    }

    [TestMethod]
    public void ApplyNaturalGradientOnnx_Folder_IsAStepOfAPipeline()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.View(mlContext, TinyText.Rows(12));
        using (var trained = TinyText.Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 12)))
        {
            trained.Model.SaveOnnx("folder");
        }

        #region serving-threads
        mlContext.UseOnnxScoring(new OnnxScoringOptions { ThreadCount = 1 });
        #endregion

        #region serving-folder
        var pipeline = mlContext.Transforms.ApplyNaturalGradientOnnx("folder", inputColumnName: "Text")
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        #endregion

        using var model = pipeline.Fit(data);
        Assert.IsTrue(Onnx.ColumnText.Values(model.Transform(data), "PredictedLabel").All(name => name is "good" or "bad"));
    }

    [TestMethod]
    public void SaveOnnx_Int8_IsAFolder()
    {
        var mlContext = new MLContext(seed: 1);
        using var model = TinyText.Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 12));

        #region onnx-export
        model.Model.SaveOnnx("reviews-onnx", new OnnxExportOptions { Precision = OnnxPrecision.Int8 });
        #endregion

        CollectionAssert.IsSubsetOf(
            new[] { "README.md", "config.json", "model.onnx", "tokenizer.json", "vocab.txt" }, Directory.EnumerateFiles("reviews-onnx").Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public async Task SaveOnnxEmbeddings_BothKindsOfEncoder_GiveVectors()
    {
        var mlContext = new MLContext(seed: 1);
        using var model = TinyText.Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 12));

        #region onnx-vectors
        Checkpoints.SaveOnnxEmbeddings(PretrainedModel.BgeSmall, "vectors"); // an encoder as it is
        model.Model.SaveOnnxEmbeddings("my-vectors"); // the encoder of a trained model
        #endregion

        #region onnx-generator
        using var generator = OnnxEmbeddingGenerator.Load("vectors");
        var vectors = await generator.GenerateAsync(["a text", "another one"]);
        #endregion

        Assert.AreEqual(384, vectors[1].Vector.Length);
        using var own = OnnxEmbeddingGenerator.Load("my-vectors");
        Assert.HasCount(1, await own.GenerateAsync(["a text"]));
    }

    private static void Save()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.View(mlContext, TinyText.Rows(12));
        using var model = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(TinyText.Trainer(mlContext))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);

        #region serving-save
        mlContext.Model.SaveForServing(model, data.Schema, "reviews-served.zip");
        #endregion
    }

    private static Prediction Predict()
    {
        var mlContext = new MLContext();

        #region serving-load
        var model = mlContext.Model.Load("reviews-served.zip", out var schema);
        var engine = mlContext.Model.CreatePredictionEngine<Review, Prediction>(model);
        #endregion

        Assert.IsNotNull(schema.GetColumnOrNull("Text"));
        using (engine)
        {
            return engine.Predict(new Review { Text = "the film was good" });
        }
    }

    private sealed class Review
    {
        public string Label { get; set; } = "";

        public string Text { get; set; } = "";
    }

    private sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
}
