using Microsoft.ML;
using Microsoft.ML.Data;

namespace ModelBuilderSample;

public partial class ImageModel
{
    /// <summary>Made at the first prediction; the engine serves one caller at a time.</summary>
    public static readonly Lazy<PredictionEngine<ModelInput, ModelOutput>> PredictEngine = new(CreatePredictEngine, true);

    /// <summary>Where the first prediction reads the model from.</summary>
    public static string MLNetModelPath { get; set; } = Path.GetFullPath("ImageModel.mlnet");

    /// <summary>Predicts the class of one picture.</summary>
    public static ModelOutput Predict(ModelInput input) => PredictEngine.Value.Predict(input);

    /// <summary>Predicts one picture and returns every class with its probability, the most probable first.</summary>
    public static IReadOnlyList<KeyValuePair<string, float>> PredictAllLabels(ModelInput input) =>
        GetSortedScoresWithLabels(Predict(input));

    /// <summary>Pairs the scores of a prediction with the names of their classes, the highest first.</summary>
    public static IReadOnlyList<KeyValuePair<string, float>> GetSortedScoresWithLabels(ModelOutput result) =>
        [.. GetLabels().Zip(result.Score, KeyValuePair.Create).OrderByDescending(pair => pair.Value)];

    private static IEnumerable<string> GetLabels()
    {
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        PredictEngine.Value.OutputSchema["Label"].GetKeyValues(ref names);
        return names.DenseValues().Select(name => name.ToString());
    }

    private static PredictionEngine<ModelInput, ModelOutput> CreatePredictEngine()
    {
        var mlContext = new MLContext();
        var model = mlContext.Model.Load(MLNetModelPath, out _);
        return mlContext.Model.CreatePredictionEngine<ModelInput, ModelOutput>(model);
    }

    #region model input class
    public class ModelInput
    {
        [LoadColumn(0)]
        [ColumnName("Label")]
        public string Label { get; set; } = "";

        [LoadColumn(1)]
        [ColumnName("ImageSource")]
        public byte[] ImageSource { get; set; } = [];
    }
    #endregion

    #region model output class
    public class ModelOutput
    {
        [ColumnName("Label")]
        public uint Label { get; set; }

        [ColumnName("ImageSource")]
        public byte[] ImageSource { get; set; } = [];

        [ColumnName("PredictedLabel")]
        public string PredictedLabel { get; set; } = "";

        [ColumnName("Score")]
        public float[] Score { get; set; } = [];
    }
    #endregion
}
