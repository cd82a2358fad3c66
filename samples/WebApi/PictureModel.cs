using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace WebApiSample;

/// <summary>The picture classifier: what goes in, and how it is trained, in the shape that Model Builder generates.</summary>
public static class PictureModel
{
    private const int Side = 56; // pixels that the network sees; the shipped pictures have 28

    /// <summary>Trains on a folder with a sub-folder for each class, and saves the model.</summary>
    /// <param name="dataPath">The folder.</param>
    /// <param name="modelPath">Where the model goes.</param>
    /// <param name="picturesOfClass">Most pictures of a class to train on.</param>
    /// <param name="epochs">Passes over the pictures.</param>
    /// <param name="forServing">Whether the model is saved for ONNX Runtime, and not for libtorch.</param>
    public static void Train(string dataPath, string modelPath, int picturesOfClass = 100, int epochs = 3, bool forServing = false)
    {
        var mlContext = new MLContext(seed: 1);
        var pictures = ImageFolder.Read(dataPath).Rows.GroupBy(row => row.Label).SelectMany(rows => rows.Take(picturesOfClass));
        var data = mlContext.Data.LoadFromEnumerable(
            pictures.Select(row => new ModelInput { Label = row.Label, ImageSource = File.ReadAllBytes(row.ImagePath) }).ToArray());
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
            {
                Optimizer = Ief,
                FeatureColumnName = "ImageSource",
                ImageSize = Side,
                Epoch = epochs,
            }))
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

    /// <summary>One picture: the bytes of its file, so that the service needs no files.</summary>
    public sealed class ModelInput
    {
        public string Label { get; set; } = "";

        public byte[] ImageSource { get; set; } = [];
    }
}
