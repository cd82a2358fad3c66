using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to tag the words of texts, for example as parts of names.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.MulticlassClassification.Trainers.NamedEntityRecognition`.
///
/// | column | type |
/// |---|---|
/// | label, input | vector of keys (`UInt32`), one for each word, as `MapValueToKey` makes it of a vector of texts; rows none of whose words has a label are skipped |
/// | sentence, input | text, whose words stand between white space, or a vector of texts, its words |
/// | predicted label, output | vector of keys with the key values of the label, one for each word |
/// | score, output | vector of `Single`: the probability of each word's predicted tag |
/// | entities, output, if asked for | `.Start` and `.Length` (`Int32`, UTF-16 units of the text), `.Type` (text) and `.Score` (`Single`): vectors with an item for each name |
///
/// A word is classified at its first token. The loss of a text is the sum over its words. Texts longer than `Options.MaxSequenceLength` are read in windows that overlap, of which each word counts in
/// the one that sees most around it, in training and when rows are scored.
///
/// A word without a key is one without a label, which takes no part in the training, where one of the key values is `O` or `0`; else it is a word outside of all names, and such words get no key.
/// ]]></format>
/// </remarks>
public sealed partial class NamedEntityRecognitionTrainer : FineTuningTrainer<NamedEntityRecognitionTransformer, NamedEntityRecognitionModel>
{
    internal NamedEntityRecognitionTrainer(IHostEnvironment environment, Options options)
        : base(environment, options)
    {
    }

    private protected override NamedEntityRecognitionTransformer Train(FineTuningRun run, IDataView data)
    {
        var options = (Options)run.Settings;
        var task = new TagTask(new TagTarget(TagFormat.Of(run.ReadClasses(data))), options.EntitiesColumnName);
        return new(run.Host, new(new TextTrainingRun(run, options).Train(data, task)), options.Columns);
    }
}
