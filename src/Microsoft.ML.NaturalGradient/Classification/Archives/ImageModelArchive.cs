using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(ImageClassificationTransformer), null, typeof(SignatureLoadModel), "Image classification by fine-tuning", ImageClassificationTransformer.LoaderSignature)]

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>A network trained on pictures inside a saved ML.NET model; see <see cref="ModelArchive"/>.</summary>
internal static class ImageModelArchive
{
    private static VersionInfo Version => ModelArchive.Version("NGIMGCLS", ImageClassificationTransformer.LoaderSignature);

    /// <summary>Writes a model.</summary>
    public static void Save(IHost host, ModelSaveContext context, ImageScorer scorer, ImageColumns columns)
    {
        using var use = scorer.Model.Use();
        ModelArchive.BeginSave(context, Version, columns.Target);
        context.SaveNonEmptyString(columns.Feature);
        scorer.Predictor.Reading.Save(context.Writer);
        ModelArchive.SaveBase(context, scorer.Model.Base);
        ((ClassTarget)scorer.Model.Target).Labels.Save(host, context.Writer);
        ModelArchive.SaveFiles(context, scorer.Model);
    }

    /// <summary>Reads a model.</summary>
    /// <returns>The model, owned by the caller, and its columns.</returns>
    /// <exception cref="InvalidDataException">A file in the saved model is damaged; the message names it.</exception>
    /// <exception cref="InvalidOperationException">The base model is only named and is not known here.</exception>
    public static (ImageScorer Scorer, ImageColumns Columns) Load(IHostEnvironment environment, ModelLoadContext context)
    {
        var host = environment.Register(nameof(ImageModelArchive));
        var columns = new ImageColumns(ModelArchive.BeginLoad(context, Version, LabelKind.Class), context.LoadNonEmptyString());
        var reading = ImageReading.Load(context.Reader);
        var source = ModelArchive.LoadBase(context);
        var target = new ClassTarget(ClassLabels.Load(host, context.Reader));
        using var saved = ModelArchive.LoadFiles(environment, context, source);
        var adapter = saved.ReadAdapter();
        var checkpoint = ImageCheckpoint.Load(saved.Files, saved.Elsewhere);
        var preprocessor = ReadPreprocessor(checkpoint, reading);
        var model = saved.Restore(
            target, adapter, checkpoint.FilesFor(preprocessor), checkpoint.StoredTypes, checkpoint.Encoder,
            () => new ImageClassifier(checkpoint.Encoder, target.OutputCount, adapter, seed: 0));
        return (new ImageScorer(model, preprocessor, reading), columns);
    }

    private static ImagePreprocessor ReadPreprocessor(ImageCheckpoint checkpoint, ImageReading reading)
    {
        try
        {
            return checkpoint.ReadPreprocessor(reading.ImageSize);
        }
        catch
        {
            checkpoint.Encoder.Dispose();
            throw;
        }
    }
}
