using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted number to rows of text pairs.</summary>
public sealed class SentenceSimilarityTransformer : FineTunedTransformer<SentenceSimilarityModel>
{
    internal const string LoaderSignature = "NgSentenceSimilarity";

    internal SentenceSimilarityTransformer(IHostEnvironment environment, SentenceSimilarityModel model, TextColumns columns)
        : base(
            environment, model, model.Scorer.RowScorer(columns), () => model.Scorer.Served(columns),
            (host, context) => TextModelArchive.Save(host, context, model.Scorer, columns, TextModelArchive.Similarity))
    {
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static SentenceSimilarityTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.Similarity);
        return new(env, new(scorer), columns);
    }
}
