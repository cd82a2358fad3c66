using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted class and the probability of each class to rows of text.</summary>
public sealed class TextClassificationTransformer : FineTunedTransformer<TextClassificationModel>
{
    internal const string LoaderSignature = "NgTextClassification";

    internal TextClassificationTransformer(IHostEnvironment environment, TextClassificationModel model, TextColumns columns)
        : base(
            environment, model, model.Scorer.RowScorer(columns), () => model.Scorer.Served(columns),
            (host, context) => TextModelArchive.Save(host, context, model.Scorer, columns, TextModelArchive.Classification))
    {
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static TextClassificationTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.Classification);
        return new(env, new(scorer), columns);
    }
}
