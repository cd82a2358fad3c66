using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Trainers;
using ModelBuilderSample;
using Samples;

namespace TextClassificationSample;

/// <summary>What ML.NET reaches without a pretrained model: word and letter counts and a linear classifier.</summary>
internal static class WordCountBaseline
{
    public static TrainingRun Train(MLContext mlContext, DataSplit split)
    {
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.Transforms.Text.FeaturizeText("Features", "Text"))
            .AppendCacheCheckpoint(mlContext)
            .Append(mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy(
                new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 }));   // several threads: no two runs alike
        var watch = Stopwatch.StartNew();
        var model = pipeline.Fit(mlContext.Data.LoadFromEnumerable(split.TrainingRows));
        var time = watch.Elapsed;
        var metrics = ReviewModel.Evaluate(mlContext, model, mlContext.Data.LoadFromEnumerable(split.TestRows));
        return new TrainingRun("Word counts + SDCA", model, metrics, time, []);
    }
}
