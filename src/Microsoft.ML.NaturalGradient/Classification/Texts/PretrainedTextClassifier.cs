using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Makes a classifier of files that were trained elsewhere.</summary>
internal static class PretrainedTextClassifier
{
    /// <summary>Reads a classifier; see <see cref="ML.Checkpoints.LoadTextClassifier"/>.</summary>
    public static TextClassificationModel Load(
        MLContext mlContext, PretrainedModel model, PretrainedAdapter? adapter, IReadOnlyList<string>? classNames,
        TextColumns columns, TextToTextSettings textToText)
    {
        using var channel = ((IHostEnvironment)mlContext).Register(nameof(PretrainedTextClassifier)).Start("LoadModel");
        var device = ComputeDevice.Choose(mlContext, message => channel.Warning(message));
        var opened = model.Open(line => channel.Info(line));
        using var files = adapter is null ? opened : adapter.Open(opened);
        var checkpoint = TextCheckpoint.Load(files);
        TextNetwork? network = null;
        try
        {
            var what = adapter?.For(checkpoint.Tokenizer) ?? Whole(checkpoint.Network);
            var labels = Labels(mlContext, classNames ?? ClassifierConfig.ReadClasses(checkpoint.Files));
            var task = new ClassificationTask(labels, textToText);
            network = task.CreateNetwork(checkpoint, what, seed: 0, useHead: false);
            if (!HasHead(network, adapter))
            {
                LoadHead(network, files);
            }

            network.MoveTo(device);
            var source = new ModelBase(
                model.ToString(), null, checkpoint.Files, checkpoint.StoredTypes, what.BaseModelName ?? model.Location);
            var maxTokens = Math.Min(TextScorer.DefaultMaxTokens, checkpoint.MaxTokens - what.PromptLength);
            var trained = new FineTunedModel(network, task.Target, what.Settings, source, device);
            return new TextClassificationModel(new TextScorer(trained, task, task.RowTokenizer(checkpoint, columns), maxTokens));
        }
        catch
        {
            checkpoint.Network.Dispose();
            network?.Dispose();
            throw;
        }
    }

    private static bool HasHead(TextNetwork network, PretrainedAdapter? adapter)
    {
        if (adapter is not { KeepHead: true })
        {
            return false;
        }

        using var weights = adapter.OpenWeights();
        return AdapterWeights.HasHead(network, adapter, weights);
    }

    private static void LoadHead(TextNetwork network, CheckpointFiles files)
    {
        using var weights = files.OpenWeights();
        CheckpointLoader.Load(network.TrainableParameters.Where(network.IsHead), weights, []);
    }

    // What a full checkpoint counts as trained: the head, or the whole of a network that has none.
    private static AdapterOptions Whole(PretrainedNetwork network) => network.HeadModules.Count > 0 ? Adapters.HeadOnly : Adapters.Full;

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
