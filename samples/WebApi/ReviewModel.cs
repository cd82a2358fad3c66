using Microsoft.ML;
using Microsoft.ML.Data;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace WebApiSample;

/// <summary>The text classifier: what goes in, and how it is trained, in the shape that Model Builder generates.</summary>
public static class ReviewModel
{
    /// <summary>Trains on a file of labels and sentences, and saves the model.</summary>
    /// <param name="dataPath">A file of tab-separated columns: label, source, text.</param>
    /// <param name="modelPath">Where the model goes.</param>
    /// <param name="rows">Most rows to train on.</param>
    /// <param name="seed">Another seed gives another model.</param>
    /// <param name="forServing">Whether the model is saved for ONNX Runtime, and not for libtorch.</param>
    public static void Train(string dataPath, string modelPath, long rows = long.MaxValue, int seed = 1, bool forServing = false)
    {
        var mlContext = new MLContext(seed);
        var data = mlContext.Data.TakeRows(mlContext.Data.LoadFromTextFile<ModelInput>(dataPath, hasHeader: true), rows);
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.TextClassification(
                optimizer: Ief, labelColumnName: "Label", sentence1ColumnName: "Text", maxEpochs: 1))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using var model = pipeline.Fit(data);
        if (forServing)
        {
            mlContext.Model.SaveForServing(model, data.Schema, modelPath);
        }
        else
        {
            mlContext.Model.SaveAtomically(model, data.Schema, modelPath);
        }
    }

    /// <summary>One sentence.</summary>
    public sealed class ModelInput
    {
        [LoadColumn(0)]
        public string Label { get; set; } = "";

        [LoadColumn(2)]
        public string Text { get; set; } = "";
    }
}
