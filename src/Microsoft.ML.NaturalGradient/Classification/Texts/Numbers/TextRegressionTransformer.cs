using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted number to rows of text.</summary>
public sealed class TextRegressionTransformer : FineTunedTransformer<TextRegressionModel>
{
    internal const string LoaderSignature = "NgTextRegression";

    internal TextRegressionTransformer(IHostEnvironment environment, TextRegressionModel model, TextColumns columns)
        : base(
            environment, model, model.Scorer.RowScorer(columns), () => model.Scorer.Served(columns),
            (host, context) => TextModelArchive.Save(host, context, model.Scorer, columns, TextModelArchive.Number))
    {
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static TextRegressionTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.Number);
        return new(env, new(scorer), columns);
    }
}
