using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to classify texts or pairs of texts.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.MulticlassClassification.Trainers.TextClassification`.
///
/// | column | type |
/// |---|---|
/// | label, input | key (`UInt32`), as `MapValueToKey` makes it; rows without one are skipped |
/// | sentence 1 and, for pairs, sentence 2, input | text; may be empty |
/// | predicted label, output | key with the key values of the label |
/// | score, output | vector of `Single`: the probability of each class, in the order of the keys, summing to 1 |
///
/// The number of classes is that of the label's keys, whether or not each occurs in the training rows.
/// ]]></format>
/// </remarks>
public sealed partial class TextClassificationTrainer : FineTuningTrainer<TextClassificationTransformer, TextClassificationModel>
{
    internal TextClassificationTrainer(IHostEnvironment environment, Options options)
        : base(environment, options)
    {
    }

    private protected override TextClassificationTransformer Train(FineTuningRun run, IDataView data)
    {
        var options = (Options)run.Settings;
        var task = new ClassificationTask(new ClassTarget(new ClassFormat(run.ReadClasses(data), 1, options.ScoreThreshold)), options.TextToText, options.Calibrate);
        return new(run.Host, new(new TextTrainingRun(run, options).Train(data, task)), options.Columns);
    }
}
