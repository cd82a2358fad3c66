using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to predict a number for a text or a pair of texts.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.Regression.Trainers.TextRegression`.
///
/// | column | type |
/// |---|---|
/// | label, input | `Single`; rows whose label is not a finite number are skipped |
/// | sentence 1 and, for pairs, sentence 2, input | text; may be empty |
/// | score, output | `Single`, in the unit of the label; not limited to the labels' range |
///
/// The loss is the squared error. The labels may have any unit: they are scaled to mean 0 and deviation 1 while training. `mlContext.Regression.Evaluate` gives R², RMSE and more.
/// ]]></format>
/// </remarks>
public sealed partial class TextRegressionTrainer : FineTuningTrainer<TextRegressionTransformer, TextRegressionModel>
{
    internal TextRegressionTrainer(IHostEnvironment environment, Options options)
        : base(environment, options)
    {
    }

    private protected override TextRegressionTransformer Train(FineTuningRun run, IDataView data)
    {
        var options = (Options)run.Settings;
        var task = new RegressionTask();
        return new(run.Host, new(new TextTrainingRun(run, options).Train(data, task)), options.Columns);
    }
}
