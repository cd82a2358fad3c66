using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to find which of several classes a text has: none, one or many.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.MulticlassClassification.Trainers.MultiLabelClassification`.
///
/// | column | type |
/// |---|---|
/// | label, input | vector of keys (`UInt32`), as `MapValueToKey` makes it of a vector of texts, in any order; an empty one is a text of no class |
/// | sentence 1 and, for pairs, sentence 2, input | text; may be empty |
/// | predicted labels, output | vector of keys with the key values of the label: the classes whose probability reaches their threshold |
/// | score, output | vector of `Single`: the probability of each class, in the order of the keys; they do not sum to 1 |
///
/// The loss of a text is the sum over the classes of the cross-entropy of a yes-no decision. A text with labels in one string, such as "joy, anger", becomes a vector of texts with
/// `mlContext.Transforms.Text.TokenizeIntoWords("Label", "Labels", new[] { ',' })`.
/// ]]></format>
/// </remarks>
public sealed partial class MultiLabelClassificationTrainer : FineTuningTrainer<MultiLabelClassificationTransformer, MultiLabelClassificationModel>
{
    internal MultiLabelClassificationTrainer(IHostEnvironment environment, Options options)
        : base(environment, options)
    {
    }

    private protected override MultiLabelClassificationTransformer Train(FineTuningRun run, IDataView data)
    {
        var options = (Options)run.Settings;
        var task = new SeveralClassesTask(new SeveralClassesTarget(SeveralClassesFormat.Of(run.ReadClasses(data), options.Threshold)), options.ChooseThresholds);
        return new(run.Host, new(new TextTrainingRun(run, options).Train(data, task)), options.Columns);
    }
}
