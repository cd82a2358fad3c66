// The shape that Model Builder generates for image classification. What differs from a generated file: the using static below, the
// argument optimizer and SaveAtomically; and the column of pictures holds their paths instead of their bytes.
using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace ImageClassificationSample;

public partial class ImageModel
{
    public const string RetrainFilePath = "data/train";

    /// <summary>Trains on a folder with a sub-folder for each class, and saves the model.</summary>
    public static void Train(string outputModelPath, string inputDataFilePath = RetrainFilePath)
    {
        var mlContext = new MLContext(seed: 1);
        var data = LoadImageFromFolder(mlContext, inputDataFilePath);
        var model = RetrainModel(mlContext, data);
        SaveModel(mlContext, model, data, outputModelPath);
    }

    /// <summary>Paths of the pictures, and the names of their folders as labels.</summary>
    public static IDataView LoadImageFromFolder(MLContext mlContext, string folder) =>
        ImageFolder.Read(folder).ToDataView(mlContext);

    /// <summary>Writes the model and the schema of the data it was trained on.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath) =>
        mlContext.Model.SaveAtomically(model, data.Schema, modelSavePath);

    /// <summary>Trains with the default optimizer of this sample, iEF.</summary>
    public static ITransformer RetrainModel(MLContext mlContext, IDataView trainData) =>
        BuildPipeline(mlContext).Fit(trainData);

    /// <summary>The pipeline with named arguments.</summary>
    public static IEstimator<ITransformer> BuildPipeline(MLContext mlContext) =>
        mlContext.Transforms.Conversion.MapValueToKey(outputColumnName: "Label", inputColumnName: "Label")
            .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(
                optimizer: Ief, labelColumnName: "Label", scoreColumnName: "Score", featureColumnName: "ImagePath"))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(
                outputColumnName: "PredictedLabel", inputColumnName: "PredictedLabel"));

    /// <summary>The same pipeline with any optimizer and adapter, a size, a number of epochs, a folder from which an interrupted run goes on, and a report of the progress.</summary>
    internal static IEstimator<ITransformer> BuildPipeline(MLContext mlContext, OptimizerOptions optimizer, AdapterOptions adapter,
        int imageSize, int epochs, string checkpointFolder, bool resume, Action<TrainingProgress> report) =>
        mlContext.Transforms.Conversion.MapValueToKey(outputColumnName: "Label", inputColumnName: "Label")
            .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
            {
                Optimizer = optimizer,
                Adapter = adapter,
                LabelColumnName = "Label",
                FeatureColumnName = "ImagePath",
                ImageSize = imageSize,
                Epoch = epochs,
                CheckpointFolder = checkpointFolder,
                Resume = resume,
                MetricsCallback = report,
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(
                outputColumnName: "PredictedLabel", inputColumnName: "PredictedLabel"));
}
