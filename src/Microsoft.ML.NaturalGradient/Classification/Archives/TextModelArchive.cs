using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(TextClassificationTransformer), null, typeof(SignatureLoadModel), "Text classification by fine-tuning", TextClassificationTransformer.LoaderSignature)]
[assembly: LoadableClass(
    typeof(SentenceSimilarityTransformer), null, typeof(SignatureLoadModel), "Sentence similarity by fine-tuning", SentenceSimilarityTransformer.LoaderSignature)]

[assembly: LoadableClass(
    typeof(TextRegressionTransformer), null, typeof(SignatureLoadModel), "Numbers for texts by fine-tuning", TextRegressionTransformer.LoaderSignature)]
[assembly: LoadableClass(
    typeof(MultiLabelClassificationTransformer), null, typeof(SignatureLoadModel), "Several classes for texts by fine-tuning", MultiLabelClassificationTransformer.LoaderSignature)]
[assembly: LoadableClass(
    typeof(NamedEntityRecognitionTransformer), null, typeof(SignatureLoadModel), "Tags for words by fine-tuning", NamedEntityRecognitionTransformer.LoaderSignature)]
[assembly: LoadableClass(
    typeof(QuestionAnswerTransformer), null, typeof(SignatureLoadModel), "Answers in texts by fine-tuning", QuestionAnswerTransformer.LoaderSignature)]

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>A network trained on texts inside a saved ML.NET model; see <see cref="ModelArchive"/>.</summary>
internal static class TextModelArchive
{
    private const int MostTokens = 1_000_000; // far more than any encoder reads

    /// <summary>Marks a saved text classifier.</summary>
    public static TextModelKind Classification { get; } = new(
        "NGTXTCLS", TextClassificationTransformer.LoaderSignature, LabelKind.Class, scoring => new ClassificationTask((ClassificationScoring)scoring));

    /// <summary>Marks a saved model for sentence similarity.</summary>
    public static TextModelKind Similarity { get; } = new(
        "NGTXTSIM", SentenceSimilarityTransformer.LoaderSignature, LabelKind.Number, _ => new RegressionTask());

    /// <summary>Marks a saved model that predicts a number.</summary>
    public static TextModelKind Number { get; } = new("NGTXTNUM", TextRegressionTransformer.LoaderSignature, LabelKind.Number, _ => new RegressionTask());

    /// <summary>Marks a saved classifier for several classes at once.</summary>
    public static TextModelKind SeveralClasses { get; } = new("NGTXTMUL", MultiLabelClassificationTransformer.LoaderSignature, LabelKind.Classes, scoring => new SeveralClassesTask(new SeveralClassesTarget(((SeveralClassesScoring)scoring).Format)));

    /// <summary>Marks a saved model that tags words.</summary>
    public static TextModelKind Tags { get; } = new("NGTXTTAG", NamedEntityRecognitionTransformer.LoaderSignature, LabelKind.Tags, scoring => new TagTask(new TagTarget(((TagScoring)scoring).Format), ((TagScoring)scoring).Spans));

    /// <summary>Marks a saved model that answers questions.</summary>
    public static TextModelKind Answers { get; } = new("NGTXTANS", QuestionAnswerTransformer.LoaderSignature, LabelKind.Answer, scoring => new AnswerTask(new SpanTarget(), ((AnswerScoring)scoring).Search));

    /// <summary>Writes a model.</summary>
    public static void Save(IHost host, ModelSaveContext context, TextScorer scorer, TextColumns columns, TextModelKind kind)
    {
        using var use = scorer.Model.Use();
        ModelArchive.BeginSave(context, kind.Version(), columns.Target);
        context.SaveNonEmptyString(columns.Sentence1);
        context.SaveStringOrNull(columns.Sentence2);
        context.Writer.Write(scorer.Encoding.MaxTokens);
        ModelArchive.SaveBase(context, scorer.Model.Base);
        scorer.Task.Scoring.Save(host, context.Writer);
        ModelArchive.SaveFiles(context, scorer.Model);
    }

    /// <summary>Reads a model.</summary>
    /// <returns>The model, owned by the caller, and its columns.</returns>
    /// <exception cref="InvalidDataException">A file in the saved model is damaged; the message names it.</exception>
    /// <exception cref="InvalidOperationException">The base model is only named and is not known here.</exception>
    public static (TextScorer Scorer, TextColumns Columns) Load(IHostEnvironment environment, ModelLoadContext context, TextModelKind kind)
    {
        var host = environment.Register(nameof(TextModelArchive));
        var columns = new TextColumns(ModelArchive.BeginLoad(context, kind.Version(), kind.Labels), context.LoadNonEmptyString(), context.LoadStringOrNull()) { AllowsWords = kind.Labels == LabelKind.Tags };
        var maxTokens = (int)SavedNumber.Check("longest sequence", context.Reader.ReadInt32(), 1, MostTokens);
        var source = ModelArchive.LoadBase(context);
        var task = kind.CreateTask(TextScoring.Load(kind.Labels, host, context.Reader, ModelArchive.IsBeforeThird(context)));
        using var saved = ModelArchive.LoadFiles(environment, context, source);
        var settings = saved.ReadAdapter();
        var checkpoint = task.Load(saved.Files, saved.Elsewhere);
        var adapter = settings.For(checkpoint.Tokenizer);
        var model = saved.Restore(
            task.Target, adapter, checkpoint.Files, checkpoint.StoredTypes, checkpoint.Network,
            () => task.CreateNetwork(checkpoint, adapter, seed: 0, useHead: false));
        return (new TextScorer(model, task, task.Encoding(checkpoint, columns, maxTokens)), columns);
    }
}
