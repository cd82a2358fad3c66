// The shape that Model Builder generates for text classification. What differs from a generated file:
// the using static below, the argument optimizer, and SaveAtomically.
using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace TextClassificationSample;

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
        var mlContext = new MLContext(seed: 1);
        var data = LoadIDataViewFromFile(mlContext, inputDataFilePath, separatorChar, hasHeader, allowQuoting);
        var model = RetrainModel(mlContext, data);
        SaveModel(mlContext, model, data, outputModelPath);
    }

    /// <summary>Reads the columns that <see cref="ModelInput"/> names by position.</summary>
    public static IDataView LoadIDataViewFromFile(MLContext mlContext, string inputDataFilePath, char separatorChar,
        bool hasHeader, bool allowQuoting) =>
        mlContext.Data.LoadFromTextFile<ModelInput>(inputDataFilePath, separatorChar, hasHeader, allowQuoting: allowQuoting);

    /// <summary>Writes the model and the schema of the data it was trained on.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath) =>
        mlContext.Model.SaveAtomically(model, data.Schema, modelSavePath);

    /// <summary>Trains with the default optimizer of this sample, iEF.</summary>
    public static ITransformer RetrainModel(MLContext mlContext, IDataView trainData) =>
        BuildPipeline(mlContext).Fit(trainData);

    /// <summary>The pipeline with named arguments.</summary>
    public static IEstimator<ITransformer> BuildPipeline(MLContext mlContext) =>
        mlContext.Transforms.Conversion.MapValueToKey(outputColumnName: "Label", inputColumnName: "Label")
            .Append(mlContext.MulticlassClassification.Trainers.TextClassification(
                optimizer: Ief, labelColumnName: "Label", sentence1ColumnName: "Text"))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(
                outputColumnName: "PredictedLabel", inputColumnName: "PredictedLabel"));

    /// <summary>The same pipeline with any optimizer, a number of epochs, a folder from which an interrupted run goes on, and a report of the progress.</summary>
    internal static IEstimator<ITransformer> BuildPipeline(MLContext mlContext, OptimizerOptions optimizer, int epochs,
        string checkpointFolder, bool resume, Action<TrainingProgress> report) =>
        mlContext.Transforms.Conversion.MapValueToKey(outputColumnName: "Label", inputColumnName: "Label")
            .Append(mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
            {
                Optimizer = optimizer,
                LabelColumnName = "Label",
                Sentence1ColumnName = "Text",
                MaxEpoch = epochs,
                CheckpointFolder = checkpointFolder,
                Resume = resume,
                MetricsCallback = report,
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue(
                outputColumnName: "PredictedLabel", inputColumnName: "PredictedLabel"));
}
