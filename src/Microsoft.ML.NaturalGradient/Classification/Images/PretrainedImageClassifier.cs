using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Makes a classifier of pictures of files that were trained elsewhere.</summary>
internal static class PretrainedImageClassifier
{
    /// <summary>Reads a classifier; see <see cref="ML.Checkpoints.LoadImageClassifier"/>.</summary>
    public static ImageClassificationModel Load(
        MLContext mlContext, ImageClassificationTrainer.Options options, PretrainedAdapter? adapter, IReadOnlyList<string>? classNames)
    {
        var (model, reading) = (options.Model, options.Reading);
        using var channel = ((IHostEnvironment)mlContext).Register(nameof(PretrainedImageClassifier)).Start("LoadModel");
        var device = ComputeDevice.Choose(mlContext, message => channel.Warning(message));
        var opened = model.Open(line => channel.Info(line));
        using var files = adapter is null ? opened : adapter.Open(opened);
        var checkpoint = ImageCheckpoint.Load(files, processor: adapter?.Processor);
        ImageClassifier? network = null;
        try
        {
            AdapterOptions what = adapter is null ? Adapters.HeadOnly : adapter;
            ClassifierConfig.CheckSingleLabel(checkpoint.Files);
            var labels = PretrainedClassifier.Labels(
                classNames ?? adapter?.HeadClassNames ?? Distinct(ClassifierConfig.ReadClasses(checkpoint.Files)));
            var preprocessor = checkpoint.ReadPreprocessor(reading.ImageSize);
            reading.CheckPatches(preprocessor, checkpoint.Encoder.PatchSize, model);
            network = new ImageClassifier(checkpoint.Encoder, labels.Count, what, seed: 0);
            PretrainedClassifier.FillHead(network, adapter, files);
            network.MoveTo(device);
            var source = new ModelBase(
                model.ToString(), null, checkpoint.FilesFor(preprocessor), checkpoint.StoredTypes, model.LocationAs(what.Base));
            return new ImageClassificationModel(
                new ImageScorer(new TrainedNetwork(network, new ClassTarget(labels), what.Settings, source, device), preprocessor, reading));
        }
        catch
        {
            checkpoint.Encoder.Dispose();
            network?.Dispose();
            throw;
        }
    }

    // Some names of ImageNet stand for two classes, such as crane.
    private static IReadOnlyList<string>? Distinct(IReadOnlyList<string>? names) => names is null ? null :
    [
        .. names.Select((name, id) => names.Count(other => other == name) == 1 ? name : FormattableString.Invariant($"{name} ({id})")),
    ];
}
