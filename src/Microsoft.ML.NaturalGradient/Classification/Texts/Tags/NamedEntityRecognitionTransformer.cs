using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted tag of each word to rows of text.</summary>
public sealed class NamedEntityRecognitionTransformer : FineTunedTransformer<NamedEntityRecognitionModel>
{
    internal const string LoaderSignature = "NgNamedEntities";

    internal NamedEntityRecognitionTransformer(IHostEnvironment environment, NamedEntityRecognitionModel model, TextColumns columns)
        : base(
            environment, model, model.Scorer.RowScorer(columns), () => model.Scorer.Served(columns),
            (host, context) => TextModelArchive.Save(host, context, model.Scorer, columns, TextModelArchive.Tags))
    {
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static NamedEntityRecognitionTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.Tags);
        return new(env, new(scorer), columns);
    }
}
