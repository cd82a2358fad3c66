// The shape that Model Builder generates for image classification. Two places change in a generated file: the using static of Optimizers
// stands in place of the using of Microsoft.ML.Vision, and ImageClassification has the argument optimizer.
using Microsoft.ML;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace ModelBuilderSample;

public partial class ImageModel
{
    public const string RetrainFilePath = "Data/pictures";

    /// <summary>Trains on a folder with a sub-folder for each class, and saves the model.</summary>
    public static void Train(string outputModelPath, string inputDataFilePath = RetrainFilePath)
    {
        var mlContext = new MLContext();

        var data = LoadImageFromFolder(mlContext, inputDataFilePath);
        var model = RetrainModel(mlContext, data);
        SaveModel(mlContext, model, data, outputModelPath);
    }

    /// <summary>The bytes of the pictures, and the names of their folders as labels.</summary>
    public static IDataView LoadImageFromFolder(MLContext mlContext, string folder)
    {
        string[] extensions = [".png", ".jpg", ".jpeg", ".gif"];
        var pictures = new List<ModelInput>();
        foreach (var directory in new DirectoryInfo(folder).GetDirectories())
        {
            pictures.AddRange(directory.EnumerateFiles()
                .Where(file => extensions.Contains(file.Extension, StringComparer.OrdinalIgnoreCase))
                .Select(file => new ModelInput { Label = directory.Name, ImageSource = File.ReadAllBytes(file.FullName) }));
        }

        return mlContext.Data.LoadFromEnumerable(pictures);
    }

    /// <summary>Writes the model and the schema of the data it was trained on.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
    {
        using var file = File.Create(modelSavePath);
        mlContext.Model.Save(model, data.Schema, file);
    }

    /// <summary>Trains on data with the columns of <see cref="ModelInput"/>.</summary>
    public static ITransformer RetrainModel(MLContext mlContext, IDataView trainData)
    {
        var pipeline = BuildPipeline(mlContext);
        var model = pipeline.Fit(trainData);

        return model;
    }

    /// <summary>The steps from picture and label to the predicted label.</summary>
    public static IEstimator<ITransformer> BuildPipeline(MLContext mlContext)
    {
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey(
                outputColumnName: @"Label", inputColumnName: @"Label", addKeyValueAnnotationsAsText: false)
            .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(
                optimizer: Ief, labelColumnName: @"Label", scoreColumnName: @"Score", featureColumnName: @"ImageSource"))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(
                outputColumnName: @"PredictedLabel", inputColumnName: @"PredictedLabel"));

        return pipeline;
    }
}
