using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained vision transformer to classify pictures.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.MulticlassClassification.Trainers.ImageClassification`.
///
/// | column | type |
/// |---|---|
/// | label, input | key (`UInt32`), as `MapValueToKey` makes it; rows without one are skipped |
/// | features, input | the picture: `Vector<Byte>` of an encoded file (`LoadRawImageBytes`), `Image` (`LoadImages`), or text, the path of a file |
/// | predicted label, output | key with the key values of the label |
/// | score, output | vector of `Single`: the probability of each class, in the order of the keys, summing to 1 |
///
/// Pictures are JPEG, PNG, WebP, BMP or the first frame of GIF; they are turned upright as EXIF says, and transparency is left out (an `Image` is taken as ML.NET
/// loaded it: not turned, and its colours multiplied by their opacity). Each is decoded once,
/// on all processors, and kept resized in memory up to `Options.CacheMemoryLimit`, beyond it in a temporary file; random changes
/// (`Options.Augmentation`) are made anew in each epoch while the network trains. Pictures that cannot be read are skipped, counted and named in the log.
/// When rows are scored, such a row gets no prediction: a missing key, and NaN as scores, which ML.NET's `Evaluate` passes over.
///
/// A tenth of the rows is set aside to watch the training on unless told otherwise, and the weights of the best epoch are kept, as ML.NET's own trainer does.
/// ]]></format>
/// </remarks>
public sealed partial class ImageClassificationTrainer : FineTuningTrainer<ImageClassificationTransformer, ImageClassificationModel>
{
    internal ImageClassificationTrainer(IHostEnvironment environment, Options options)
        : base(environment, options)
    {
    }

    private protected override ImageClassificationTransformer Train(FineTuningRun run, IDataView data)
    {
        var options = (Options)run.Settings;
        return new(run.Host, new(new ImageTrainingRun(run, options).Train(data, run.ReadClasses(data))), options.Columns);
    }
}
