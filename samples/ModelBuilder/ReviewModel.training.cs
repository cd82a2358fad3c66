// The shape that Model Builder generates for text classification. Two places change in a generated file: the using static of Optimizers
// stands in place of the using of Microsoft.ML.TorchSharp, and TextClassification has the argument optimizer.
using Microsoft.ML;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace ModelBuilderSample;

public partial class ReviewModel
{
    public const string RetrainFilePath = "Data/reviews.tsv";
    public const char RetrainSeparatorChar = '\t';
    public const bool RetrainHasHeader = true;
    public const bool RetrainAllowQuoting = false;

    /// <summary>Trains on a whole file and saves the model.</summary>
    public static void Train(string outputModelPath, string inputDataFilePath = RetrainFilePath,
        char separatorChar = RetrainSeparatorChar, bool hasHeader = RetrainHasHeader, bool allowQuoting = RetrainAllowQuoting)
    {
        var mlContext = new MLContext();

        var data = LoadIDataViewFromFile(mlContext, inputDataFilePath, separatorChar, hasHeader, allowQuoting);
        var model = RetrainModel(mlContext, data);
        SaveModel(mlContext, model, data, outputModelPath);
    }

    /// <summary>Reads the columns that <see cref="ModelInput"/> names by position.</summary>
    public static IDataView LoadIDataViewFromFile(MLContext mlContext, string inputDataFilePath, char separatorChar,
        bool hasHeader, bool allowQuoting)
    {
        return mlContext.Data.LoadFromTextFile<ModelInput>(inputDataFilePath, separatorChar, hasHeader, allowQuoting: allowQuoting);
    }

    /// <summary>Writes the model and the schema of the data it was trained on.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
    {
        using var file = File.Create(modelSavePath);
        mlContext.Model.Save(model, data.Schema, file);
    }

    /// <summary>Trains on data with the columns of the file.</summary>
    public static ITransformer RetrainModel(MLContext mlContext, IDataView trainData)
    {
        var pipeline = BuildPipeline(mlContext);
        var model = pipeline.Fit(trainData);

        return model;
    }

    /// <summary>The steps from text and label to the predicted label.</summary>
    public static IEstimator<ITransformer> BuildPipeline(MLContext mlContext)
    {
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey(
                outputColumnName: @"Label", inputColumnName: @"Label", addKeyValueAnnotationsAsText: false)
            .Append(mlContext.MulticlassClassification.Trainers.TextClassification(
                optimizer: Ief, labelColumnName: @"Label", sentence1ColumnName: @"Text"))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(
                outputColumnName: @"PredictedLabel", inputColumnName: @"PredictedLabel"));

        return pipeline;
    }
}
