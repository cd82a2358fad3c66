using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassificationSample;

public partial class ImageModel
{
    /// <summary>Accuracy and log-loss on scored pictures that were not used in training.</summary>
    public static MulticlassClassificationMetrics Evaluate(MLContext mlContext, IDataView scored) =>
        mlContext.MulticlassClassification.Evaluate(scored, labelColumnName: "Label");

    /// <summary>The prediction of each scored picture.</summary>
    internal static IReadOnlyList<ScoredPicture> Predictions(IDataView scored, IReadOnlyList<ModelInput> pictures) =>
        [.. pictures.Zip(scored.GetColumn<string>("PredictedLabel"), scored.GetColumn<float[]>("Score"))
            .Select(row => new ScoredPicture(row.First.ImagePath, row.First.Label, row.Second, row.Third.Max()))];
}
