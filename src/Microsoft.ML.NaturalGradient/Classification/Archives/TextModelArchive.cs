using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(TextClassificationTransformer), null, typeof(SignatureLoadModel), "Text classification by fine-tuning", TextClassificationTransformer.LoaderSignature)]
[assembly: LoadableClass(
    typeof(SentenceSimilarityTransformer), null, typeof(SignatureLoadModel), "Sentence similarity by fine-tuning", SentenceSimilarityTransformer.LoaderSignature)]

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>A network trained on texts inside a saved ML.NET model; see <see cref="ModelArchive"/>.</summary>
internal static class TextModelArchive
{
    private const int MostTokens = 1_000_000; // far more than any encoder reads

    /// <summary>Marks a saved text classifier.</summary>
    public static TextModelKind Classification { get; } = new(
        "NGTXTCLS", TextClassificationTransformer.LoaderSignature, LabelKind.Class, (host, reader) => new ClassificationTask(ClassLabels.Load(host, reader), TextToTextSettings.Load(reader)));

    /// <summary>Marks a saved model for sentence similarity.</summary>
    public static TextModelKind Similarity { get; } = new(
        "NGTXTSIM", SentenceSimilarityTransformer.LoaderSignature, LabelKind.Number, (_, _) => new RegressionTask());

    /// <summary>Writes a model.</summary>
    public static void Save(IHost host, ModelSaveContext context, TextScorer scorer, TextColumns columns, TextModelKind kind)
    {
        using var use = scorer.Model.Use();
        ModelArchive.BeginSave(context, kind.Version(), columns.Target);
        context.SaveNonEmptyString(columns.Sentence1);
        context.SaveStringOrNull(columns.Sentence2);
        context.Writer.Write(scorer.MaxTokens);
        ModelArchive.SaveBase(context, scorer.Model.Base);
        scorer.Task.Save(host, context.Writer);
        ModelArchive.SaveFiles(context, scorer.Model);
    }

    /// <summary>Reads a model.</summary>
    /// <returns>The model, owned by the caller, and its columns.</returns>
    /// <exception cref="InvalidDataException">A file in the saved model is damaged; the message names it.</exception>
    /// <exception cref="InvalidOperationException">The base model is only named and is not known here.</exception>
    public static (TextScorer Scorer, TextColumns Columns) Load(IHostEnvironment environment, ModelLoadContext context, TextModelKind kind)
    {
        var host = environment.Register(nameof(TextModelArchive));
        var columns = new TextColumns(ModelArchive.BeginLoad(context, kind.Version(), kind.Labels), context.LoadNonEmptyString(), context.LoadStringOrNull());
        var maxTokens = (int)SavedNumber.Check("longest sequence", context.Reader.ReadInt32(), 1, MostTokens);
        var source = ModelArchive.LoadBase(context);
        var task = kind.ReadTask(host, context.Reader);
        using var saved = ModelArchive.LoadFiles(environment, context, source);
        var settings = saved.ReadAdapter();
        var checkpoint = TextCheckpoint.Load(saved.Files, saved.Elsewhere);
        var adapter = settings.For(checkpoint.Tokenizer);
        var model = saved.Restore(
            task.Target, adapter, checkpoint.Files, checkpoint.StoredTypes, checkpoint.Network,
            () => task.CreateNetwork(checkpoint, adapter, seed: 0, useHead: false));
        return (new TextScorer(model, task, task.RowTokenizer(checkpoint, columns), maxTokens), columns);
    }
}
