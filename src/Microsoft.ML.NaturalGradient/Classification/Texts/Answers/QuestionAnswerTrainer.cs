using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to find the part of a text that answers a question.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.MulticlassClassification.Trainers.QuestionAnswer`.
///
/// | column | type |
/// |---|---|
/// | context, input | text that has the answer |
/// | question, input | text |
/// | training answer, input | text, a part of the context; rows where it is empty are skipped |
/// | answer index, input | `Int32`: where the answer begins in the context, in UTF-16 units from 0 |
/// | answer, output | vector of texts: the best answers, at most `Options.TopKAnswers`, the best first; none for an empty context |
/// | score, output | vector of `Single`: the probability of each, that of its beginning times that of its end |
///
/// The loss of a row is the cross-entropy of where the answer begins plus that of where it ends, over the tokens of the context and one more, which stands for "not here". Contexts longer than
/// `Options.MaxSequenceLength` are read in windows that overlap by half. Answers are exact parts of the context, whatever the tokenizer makes of it: they begin and end at words, digits or punctuation.
/// ]]></format>
/// </remarks>
public sealed partial class QuestionAnswerTrainer : FineTuningTrainer<QuestionAnswerTransformer, QuestionAnswerModel>
{
    internal QuestionAnswerTrainer(IHostEnvironment environment, Options options)
        : base(environment, options)
    {
    }

    private protected override QuestionAnswerTransformer Train(FineTuningRun run, IDataView data)
    {
        var options = (Options)run.Settings;
        var task = new AnswerTask(new SpanTarget(new AnswerLabels(options.AnswerColumns, options.Strict)), new AnswerSearch(options.TopKAnswers, options.MaxAnswerTokens));
        return new(run.Host, new(new TextTrainingRun(run, options).Train(data, task)), options.Columns);
    }
}
