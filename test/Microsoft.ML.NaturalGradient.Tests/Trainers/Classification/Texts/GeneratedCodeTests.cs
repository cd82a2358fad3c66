using Microsoft.ML.Data;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Code of the shape that Model Builder generates, with only the optimizer added.</summary>
[TestClass]
public sealed class GeneratedCodeTests
{
    private readonly string _modelPath = Path.Combine(Directory.CreateTempSubdirectory("generated-code").FullName, "SentimentModel.mlnet");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(Path.GetDirectoryName(_modelPath)!, recursive: true);

    [TestMethod]
    public void Train_Save_Load_Predict_NumericLabels()
    {
        var mlContext = new MLContext(seed: 1);
        var data = LoadData(mlContext);
        using (var model = (IDisposable)RetrainModel(mlContext, data))
        {
            SaveModel(mlContext, (ITransformer)model, data, _modelPath);
        }

        using var engine = CreatePredictEngine();
        var output = engine.Predict(new ModelInput { Col0 = "a lovely film that we will always watch again" });

        Assert.AreEqual(1f, output.PredictedLabel);
        Assert.HasCount(2, output.Score);
        Assert.AreEqual(1, output.Score.Sum(), 1e-5);
    }

    [TestMethod]
    public void PredictAllLabels_TextLabels_OrdersLabelsByScore()
    {
        var mlContext = new MLContext(seed: 1);
        var rows = SmallReviews.Rows.Select(row => new TextLabelInput { Col0 = row.Text, Col1 = row.Label == 1 ? "positive" : "negative" });
        var data = mlContext.Data.LoadFromEnumerable(rows.ToArray());
        using var model = BuildPipeline(mlContext).Fit(data) as IDisposable;
        using var engine = mlContext.Model.CreatePredictionEngine<TextLabelInput, TextLabelOutput>((ITransformer)model!, inputSchemaDefinition: null);

        var result = engine.Predict(new TextLabelInput { Col0 = "what a waste of time" });
        var labels = GetLabels(engine.OutputSchema);
        var sorted = labels.Zip(result.Score).OrderByDescending(pair => pair.Second).Select(pair => pair.First).ToArray();

        Assert.AreEqual("negative", sorted[0]);
        Assert.AreEqual(result.PredictedLabel, sorted[0]);
    }

    private static IDataView LoadData(MLContext mlContext) => mlContext.Data.LoadFromEnumerable(
        SmallReviews.Rows.Select(row => new ModelInput { Col0 = row.Text, Col1 = row.Label }).ToArray());

    private static ITransformer RetrainModel(MLContext mlContext, IDataView trainData) => BuildPipeline(mlContext).Fit(trainData);

    internal static IEstimator<ITransformer> BuildPipeline(MLContext mlContext) =>
        mlContext.Transforms.Conversion.MapValueToKey(outputColumnName: "col1", inputColumnName: "col1")
            .Append(mlContext.MulticlassClassification.Trainers.TextClassification(optimizer: Ief, labelColumnName: "col1", sentence1ColumnName: "col0"))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(outputColumnName: "PredictedLabel", inputColumnName: "PredictedLabel"));

    private static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
    {
        using var stream = File.Create(modelSavePath);
        mlContext.Model.Save(model, data.Schema, stream);
    }

    private PredictionEngine<ModelInput, ModelOutput> CreatePredictEngine()
    {
        var mlContext = new MLContext();
        var mlModel = mlContext.Model.Load(_modelPath, out _);
        return mlContext.Model.CreatePredictionEngine<ModelInput, ModelOutput>(mlModel);
    }

    private static string[] GetLabels(DataViewSchema schema)
    {
        var keys = default(VBuffer<ReadOnlyMemory<char>>);
        schema["col1"].GetKeyValues(ref keys);
        return [.. keys.DenseValues().Select(key => key.ToString())];
    }

    private sealed class ModelInput
    {
        [LoadColumn(0)]
        [ColumnName("col0")]
        public string Col0 { get; set; } = "";

        [LoadColumn(1)]
        [ColumnName("col1")]
        public float Col1 { get; set; }
    }

    private sealed class ModelOutput
    {
        [ColumnName("col1")]
        public uint Col1 { get; set; }

        [ColumnName("PredictedLabel")]
        public float PredictedLabel { get; set; }

        [ColumnName("Score")]
        public float[] Score { get; set; } = [];
    }

    private sealed class TextLabelInput
    {
        [ColumnName("col0")]
        public string Col0 { get; set; } = "";

        [ColumnName("col1")]
        public string Col1 { get; set; } = "";
    }

    private sealed class TextLabelOutput
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
}
