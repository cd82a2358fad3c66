using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>MiniLM with LoRA of rank 8, or another adapter, for two classes, and a batch of random words to train it on.</summary>
internal sealed class LoraWork : IDisposable
{
    /// <summary>Makes the model and the batch.</summary>
    /// <param name="samples">Rows.</param>
    /// <param name="tokens">Tokens of each.</param>
    /// <param name="device">Where the work is done; null for the CPU.</param>
    /// <param name="adapter">What is trained; null for LoRA.</param>
    public LoraWork(int samples, int tokens, Device? device = null, AdapterOptions? adapter = null)
    {
        device ??= CPU;
        using var files = PretrainedModel.MiniLM.Open();
        Model = new TextClassifier(TextCheckpoint.Load(files).Encoder, 2, adapter ?? Adapters.LoRA, seed: 1);
        Model.MoveTo(device);
        Model.SetTraining(true);
        Parameters = [.. Model.TrainableParameters.Select(named => named.Value)];
        Batch = new LabeledBatch(RandomWords(samples, tokens, device), tensor(Enumerable.Range(0, samples).Select(row => (long)(row % 2)).ToArray(), device: device));
    }

    /// <summary>The model.</summary>
    public TextClassifier Model { get; }

    /// <summary>What is trained.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The batch.</summary>
    public LabeledBatch Batch { get; }

    /// <summary>Makes one step.</summary>
    /// <param name="optimizer">An optimizer of <see cref="Parameters"/>.</param>
    public void Step(Optimizer optimizer) => TrainingStep.Run(Model, Batch.Input, Batch.Labels, optimizer);

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Batch.Dispose();
    }

    private static TokenBatch RandomWords(int samples, int tokens, Device device)
    {
        var random = new Random(1);
        var rows = Enumerable.Range(0, samples).Select(_ => new TokenSequence(
            [.. Enumerable.Range(0, tokens).Select(_ => random.Next(1000, 30000))], null, false)).ToArray();
        return TokenBatchSource.Collate(rows, 0, device);
    }
}
