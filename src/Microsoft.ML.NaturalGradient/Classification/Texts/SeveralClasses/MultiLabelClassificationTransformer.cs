using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted classes and the probability of each class to rows of text.</summary>
public sealed class MultiLabelClassificationTransformer : FineTunedTransformer<MultiLabelClassificationModel>
{
    internal const string LoaderSignature = "NgMultiLabel";

    internal MultiLabelClassificationTransformer(IHostEnvironment environment, MultiLabelClassificationModel model, TextColumns columns)
        : base(
            environment, model, model.Scorer.RowScorer(columns), () => model.Scorer.Served(columns),
            (host, context) => TextModelArchive.Save(host, context, model.Scorer, columns, TextModelArchive.SeveralClasses))
    {
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static MultiLabelClassificationTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.SeveralClasses);
        return new(env, new(scorer), columns);
    }
}
