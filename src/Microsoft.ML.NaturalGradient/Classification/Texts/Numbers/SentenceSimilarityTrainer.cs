using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to predict a number for a pair of texts, such as how similar they are.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.Regression.Trainers.SentenceSimilarity`.
///
/// | column | type |
/// |---|---|
/// | label, input | `Single`; rows whose label is not a finite number are skipped |
/// | sentence 1 and sentence 2, input | text; may be empty |
/// | score, output | `Single`, in the unit of the label; not limited to the labels' range |
///
/// The encoder reads both texts as one pair and a linear head predicts the number; the loss is the squared error. The labels may have any
/// unit: they are scaled to mean 0 and deviation 1 while training.
/// ]]></format>
/// </remarks>
public sealed partial class SentenceSimilarityTrainer : FineTuningTrainer<SentenceSimilarityTransformer, SentenceSimilarityModel>
{
    internal SentenceSimilarityTrainer(IHostEnvironment environment, Options options)
        : base(environment, options)
    {
    }

    private protected override SentenceSimilarityTransformer Train(FineTuningRun run, IDataView data)
    {
        var options = (Options)run.Settings;
        return new(run.Host, new(new TextTrainingRun(run, options).Train(data, new RegressionTask())), options.Columns);
    }
}
