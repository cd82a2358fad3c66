using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>The opened files of a saved model.</summary>
/// <param name="baseName">What the base was called.</param>
/// <param name="fingerprint">SHA-256 of the base's weights when they are not in the archive.</param>
/// <param name="own">The files in the archive.</param>
/// <param name="files">The base model: those in the archive, or those that it names; owned by this object.</param>
/// <param name="trained">The trained weights; owned by this object.</param>
/// <param name="device">Where the network goes.</param>
internal sealed class SavedFiles(
    string baseName, string? fingerprint, CheckpointFiles own, CheckpointFiles files, SafetensorsFile trained, Device device) : IDisposable
{
    /// <summary>The base model.</summary>
    public CheckpointFiles Files => files;

    /// <summary>Shapes of the weights that may be absent from the base's file: those that were trained in place are in the adapter's file only.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<long>>? Elsewhere { get; } = fingerprint is null ? AdapterWeights.BaseShapes(trained) : null;

    /// <summary>Reads what was trained.</summary>
    public AdapterOptions ReadAdapter() => AdapterConfig.Read(own);

    /// <summary>Makes the model: creates the network and fills it.</summary>
    /// <param name="target">What is predicted.</param>
    /// <param name="adapter">What was trained.</param>
    /// <param name="smallFiles">The contents of the base's small files.</param>
    /// <param name="storedTypes">Element type of each weight in the base's own file, by name.</param>
    /// <param name="pretrained">The base; owned by the result.</param>
    /// <param name="create">Creates the network around the base.</param>
    /// <returns>The model; owned by the caller.</returns>
    /// <exception cref="InvalidDataException">The weights do not fit.</exception>
    public TrainedNetwork Restore(
        PredictionTarget target, AdapterOptions adapter, IReadOnlyDictionary<string, byte[]> smallFiles,
        IReadOnlyDictionary<string, ScalarType> storedTypes, PretrainedNetwork pretrained, Func<AdaptedNetwork> create)
    {
        AdaptedNetwork? network = null;
        try
        {
            if (adapter is LoraOptions lora)
            {
                AdapterWeights.CheckRanks(pretrained, lora, trained);
            }

            network = create();
            AdapterWeights.Load(network, adapter, trained, isSavedModel: true);
            network.MoveTo(device);
            var location = AdapterConfig.ReadBase(ModelConfig.Read(own, AdapterConfig.FileName));
            return new TrainedNetwork(network, target, adapter, new ModelBase(baseName, fingerprint, smallFiles, storedTypes, location), device);
        }
        catch
        {
            pretrained.Dispose();
            network?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        trained.Dispose();
        files.Dispose();
        own.Dispose();
    }
}
