using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Makes a text classifier of files that were trained elsewhere.</summary>
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
            ClassifierConfig.CheckSingleLabel(checkpoint.Files);
            var labels = PretrainedClassifier.Labels(mlContext, classNames ?? adapter?.HeadClassNames ?? ClassifierConfig.ReadClasses(checkpoint.Files));
            var task = new ClassificationTask(new ClassTarget(labels), textToText.OrElse(adapter?.Notes.TextToText ?? ClassifierConfig.ReadTextToText(files), labels.Count));
            network = task.CreateNetwork(checkpoint, what, seed: 0, useHead: false);
            PretrainedClassifier.FillHead(network, adapter, files);
            network.MoveTo(device);
            var source = new ModelBase(
                model.ToString(), null, checkpoint.Files, checkpoint.StoredTypes, what.Base ?? model.Location);
            // Python cuts texts where the files say; where they say nothing, as much as in training.
            var maxTokens = Math.Min(
                adapter?.MaxTokens ?? checkpoint.Tokenizer.MaxTokens ?? TextScorer.DefaultMaxTokens, checkpoint.MaxTokens - what.PromptLength);
            var trained = new TrainedNetwork(network, task.Target, what.Settings, source, device);
            return new TextClassificationModel(new TextScorer(trained, task, task.RowTokenizer(checkpoint, columns), maxTokens));
        }
        catch
        {
            checkpoint.Network.Dispose();
            network?.Dispose();
            throw;
        }
    }

    // What a full checkpoint counts as trained: the head, or the whole of a network that has none.
    private static AdapterOptions Whole(PretrainedNetwork network) => network.HeadModules.Count > 0 ? Adapters.HeadOnly : Adapters.Full;
}
