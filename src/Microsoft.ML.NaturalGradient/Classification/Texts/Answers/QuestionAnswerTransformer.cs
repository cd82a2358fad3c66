using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds answers to rows with a question and a text.</summary>
public sealed class QuestionAnswerTransformer : FineTunedTransformer<QuestionAnswerModel>
{
    internal const string LoaderSignature = "NgQuestionAnswer";

    internal QuestionAnswerTransformer(IHostEnvironment environment, QuestionAnswerModel model, TextColumns columns)
        : base(
            environment, model, model.Scorer.RowScorer(columns), () => model.Scorer.Served(columns),
            (host, context) => TextModelArchive.Save(host, context, model.Scorer, columns, TextModelArchive.Answers))
    {
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static QuestionAnswerTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.Answers);
        return new(env, new(scorer), columns);
    }
}
