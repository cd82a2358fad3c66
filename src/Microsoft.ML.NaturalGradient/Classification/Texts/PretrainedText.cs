using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Makes a model for texts of files that were trained elsewhere.</summary>
internal static class PretrainedText
{
    /// <summary>Reads a model.</summary>
    /// <param name="mlContext">The context; its GpuDeviceId and FallbackToCpu count.</param>
    /// <param name="model">The full checkpoint, or the base model.</param>
    /// <param name="adapter">The adapter; null for a full checkpoint.</param>
    /// <param name="kind">The head.</param>
    /// <param name="columns">The columns of rows.</param>
    /// <param name="createTask">What is predicted, given the opened files and the checkpoint.</param>
    /// <returns>The model; owned by the caller.</returns>
    /// <exception cref="ArgumentException">Names of columns collide.</exception>
    public static TextScorer Load(
        MLContext mlContext, PretrainedModel model, PretrainedAdapter? adapter, HeadKind kind, Pipelines.TextColumns columns,
        Func<CheckpointFiles, TextCheckpoint, TextTask> createTask)
    {
        columns.Target.CheckNames(columns.Features);
        using var channel = ((IHostEnvironment)mlContext).Register(nameof(PretrainedText)).Start("LoadModel");
        var device = ComputeDevice.Choose(mlContext, message => channel.Warning(message));
        var opened = model.Open(line => channel.Info(line));
        using var files = adapter is null ? opened : adapter.Open(opened);
        var checkpoint = kind == HeadKind.Whole ? TextCheckpoint.Load(files) : TokenTask.Load(files, kind);
        TextNetwork? network = null;
        try
        {
            var what = adapter?.For(checkpoint.Tokenizer) ?? Whole(checkpoint.Network);
            var task = createTask(files, checkpoint);
            network = task.CreateNetwork(checkpoint, what, seed: 0, useHead: false);
            PretrainedClassifier.FillHead(network, adapter, files);
            network.MoveTo(device);
            var source = new ModelBase(model.ToString(), null, checkpoint.Files, checkpoint.StoredTypes, model.LocationAs(what.Base));
            // Python cuts texts where the files say; where they say nothing, as much as in training.
            var maxTokens = Math.Min(
                adapter?.MaxTokens ?? checkpoint.Tokenizer.MaxTokens ?? TextScorer.DefaultMaxTokens, checkpoint.MaxTokens - what.PromptLength);
            var trained = new TrainedNetwork(network, task.Target, what.Settings, source, device);
            return new TextScorer(trained, task, task.Encoding(checkpoint, columns, maxTokens));
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
