using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Makes a classifier of files that were trained elsewhere.</summary>
internal static class PretrainedClassifier
{
    /// <summary>Reads a classifier; see <see cref="ML.Checkpoints.LoadTextClassifier"/>.</summary>
    public static TextClassificationModel Load(
        MLContext mlContext, PretrainedModel model, PretrainedAdapter? adapter, IReadOnlyList<string>? classNames)
    {
        using var channel = ((IHostEnvironment)mlContext).Register(nameof(PretrainedClassifier)).Start("LoadModel");
        var device = ComputeDevice.Choose(mlContext, message => channel.Warning(message));
        AdapterOptions what = adapter is null ? Adapters.HeadOnly : adapter;
        using var files = what.Open(model.Open(line => channel.Info(line)));
        var checkpoint = TextCheckpoint.Load(files);
        TextClassifier? classifier = null;
        try
        {
            what = what.For(checkpoint.Tokenizer);
            var labels = Labels(mlContext, classNames ?? ClassifierConfig.ReadClasses(checkpoint.Files));
            classifier = new TextClassifier(checkpoint.Encoder, labels.Count, what, seed: 0);
            if (!HasHead(classifier, adapter))
            {
                LoadHead(classifier, files);
            }

            classifier.MoveTo(device);
            var source = new ModelBase(
                model.ToString(), null, checkpoint.Files, checkpoint.StoredTypes, what.BaseModelName ?? model.Location);
            var maxTokens = Math.Min(TextScorer.DefaultMaxTokens, checkpoint.MaxTokens - what.PromptLength);
            return new TextClassificationModel(
                new TextScorer(classifier, checkpoint.Tokenizer, maxTokens, new ClassificationTask(labels), what.Settings, source, device));
        }
        catch
        {
            checkpoint.Encoder.Dispose();
            classifier?.Dispose();
            throw;
        }
    }

    private static bool HasHead(TextClassifier classifier, PretrainedAdapter? adapter)
    {
        if (adapter is not { KeepHead: true })
        {
            return false;
        }

        using var weights = adapter.OpenWeights();
        return AdapterWeights.HasHead(classifier, adapter, weights);
    }

    private static void LoadHead(TextClassifier classifier, CheckpointFiles files)
    {
        using var weights = files.OpenWeights();
        CheckpointLoader.Load(
            classifier.TrainableParameters.Where(named => AdapterWeights.IsHead(named, classifier)), weights, []);
    }

    // Through ML.NET's own conversion, so that the key values are as those of a trained model.
    private static ClassLabels Labels(MLContext mlContext, IReadOnlyList<string>? names)
    {
        if (names is null || names.Count < 2 || names.Distinct(StringComparer.Ordinal).Count() < names.Count || names.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException(
                $"The class names are {(names is null ? "neither given nor in the model's config.json" : $"[{string.Join(", ", names)}]")}. "
                + "Give classNames: at least two different names, in the order of the logits.", nameof(names));
        }

        var view = mlContext.Data.LoadFromEnumerable(names.Select(name => new ClassRow { Label = name }));
        return ClassLabels.Read(mlContext.Transforms.Conversion.MapValueToKey(nameof(ClassRow.Label)).Fit(view).Transform(view).Schema[nameof(ClassRow.Label)]);
    }

    private sealed class ClassRow
    {
        public string Label { get; set; } = "";
    }
}
