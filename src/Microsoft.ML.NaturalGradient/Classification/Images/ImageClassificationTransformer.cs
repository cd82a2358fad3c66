using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted class and the probability of each class to rows with pictures.</summary>
/// <remarks>Pictures are decoded on all processors, ahead of the network.</remarks>
public sealed class ImageClassificationTransformer : FineTunedTransformer<ImageClassificationModel>
{
    internal const string LoaderSignature = "NgImageClassification";

    internal ImageClassificationTransformer(IHostEnvironment environment, ImageClassificationModel model, ImageColumns columns)
        : base(
            environment, model, model.Scorer.RowScorer(columns), () => model.Scorer.Served(columns),
            (host, context) => ImageModelArchive.Save(host, context, model.Scorer, columns))
    {
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute in ImageModelArchive.
    private static ImageClassificationTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = ImageModelArchive.Load(env, ctx);
        return new(env, new(scorer), columns);
    }
}
