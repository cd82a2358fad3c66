using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A trained network with what is needed to use and save it, whether it reads texts or pictures.</summary>
/// <remarks>Whoever runs the network or reads its weights does so within <see cref="Use"/>: another thread may dispose the model meanwhile.</remarks>
internal sealed class TrainedNetwork : IDisposable
{
    private const long LargeNetwork = 16 << 20; // in bytes; smaller ones are not worth a walk through the heap

    private readonly UseGate _gate;

    /// <summary>Takes over a network.</summary>
    /// <param name="network">The network; owned by this object from now on.</param>
    /// <param name="target">What is predicted.</param>
    /// <param name="adapter">What was trained.</param>
    /// <param name="source">The pretrained model it started from.</param>
    /// <param name="device">Where the network is.</param>
    public TrainedNetwork(AdaptedNetwork network, PredictionTarget target, AdapterOptions adapter, ModelBase source, Device device)
    {
        Network = network;
        Target = target;
        Adapter = adapter;
        Base = source;
        Device = device;
        _gate = new UseGate(Free, Disposed);
        network.SetTraining(false);
        NativeHeap.KeepForScoring();
    }

    /// <summary>The network.</summary>
    public AdaptedNetwork Network { get; }

    /// <summary>What is predicted.</summary>
    public PredictionTarget Target { get; }

    /// <summary>What was trained.</summary>
    public AdapterOptions Adapter { get; }

    /// <summary>The pretrained model it started from.</summary>
    public ModelBase Base { get; }

    /// <summary>Where the network is.</summary>
    public Device Device { get; }

    /// <summary>What the user disposes, for messages.</summary>
    public string OwnerName { get; set; } = nameof(FineTunedModel);

    /// <summary>Whether the head reads the mean of the token vectors and not what the architecture's own classifier reads.</summary>
    public bool ReadsMean => Network.HeadKind == HeadKind.Whole && Base.ReadsMean;

    /// <summary>Whether LoRA additions are merged into the weights of their layers.</summary>
    public bool IsMerged { get; private set; }

    /// <summary>The base's weights that were not trained, in the types of its own file; those that only pretraining reads too.</summary>
    public IEnumerable<SafetensorsEntry> UntrainedWeights => Network.FrozenParameters.Select(named => (named.Name, Value: (Tensor)named.Value))
        .Concat(Network.UnreadWeights.Where(named => Base.StoredTypes.ContainsKey(named.Name)))
        .Select(named => new SafetensorsEntry(named.Name, named.Value, Base.StoredTypes[named.Name]));

    /// <summary>Begins to use network or weights, which stay until the use ends.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public UseGate.Pass Use() => _gate.Use();

    /// <summary>Merges LoRA additions into the weights of their layers, once all uses have ended.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void Merge() => ForEachLayer(layer => layer.Merge());

    /// <summary>Takes back <see cref="Merge"/>.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void Unmerge() => ForEachLayer(layer => layer.Unmerge());

    /// <summary>Computes the outputs of the network, which have to be finite: a prediction of NaN would only be found much later.</summary>
    /// <param name="forward">Computes them.</param>
    /// <returns>The outputs.</returns>
    /// <exception cref="InvalidOperationException">They are not finite; the message names the weight or layer.</exception>
    public Tensor FiniteOutputs(Func<Tensor> forward) => FiniteCheck.Outputs(
        Network, forward, "Compare the model's configuration with the one it was trained with, or train it again with a lower LearningRate.");

    /// <summary>Throws if the model is disposed.</summary>
    public void ThrowIfDisposed() => _gate.ThrowIfDisposed();

    /// <inheritdoc/>
    /// <remarks>Does not wait: the weights are freed when the last use ends.</remarks>
    public void Dispose() => _gate.Dispose();

    private void Free()
    {
        var bytes = Network.parameters().Sum(parameter => parameter.numel() * parameter.element_size());
        Network.Dispose();
        if (bytes >= LargeNetwork)
        {
            NativeHeap.ReturnFree();
        }
    }

    private void ForEachLayer(Action<LinearLayer> action)
    {
        using var change = _gate.Change();
        var layers = Network.Base.modules().OfType<LinearLayer>().ToArray();
        foreach (var layer in layers)
        {
            action(layer);
        }

        IsMerged = layers.Any(layer => layer.IsMerged);
    }

    private ObjectDisposedException Disposed() => new(
        OwnerName,
        "The model is disposed. Dispose a model, or its transformer, after its last use. A PredictionEngine disposes the transformer with itself: create "
        + "engines that share one with mlContext.Model.CreatePredictionEngine<TSrc, TDst>(model, new PredictionEngineOptions { OwnsTransformer = false }).");
}
