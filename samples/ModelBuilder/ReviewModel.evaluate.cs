using Microsoft.ML;
using Microsoft.ML.Data;

namespace ModelBuilderSample;

public partial class ReviewModel
{
    /// <summary>Accuracy and log-loss on rows that were not used in training.</summary>
    public static MulticlassClassificationMetrics Evaluate(MLContext mlContext, ITransformer model, IDataView testData) =>
        mlContext.MulticlassClassification.Evaluate(model.Transform(testData), labelColumnName: "Label");
}
