using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>What classifiers that were trained elsewhere have in common: their head and their classes.</summary>
internal static class PretrainedClassifier
{
    /// <summary>Fills the head, unless the adapter has one.</summary>
    /// <param name="network">The network; changed.</param>
    /// <param name="adapter">The adapter; null for a full checkpoint.</param>
    /// <param name="files">The full checkpoint, or the base model.</param>
    /// <exception cref="InvalidDataException">There is no head, or it does not fit.</exception>
    public static void FillHead(AdaptedNetwork network, PretrainedAdapter? adapter, CheckpointFiles files)
    {
        if (!HasHead(network, adapter))
        {
            var config = ModelConfig.Read(files);
            using var weights = files.OpenWeights();
            var head = network.TrainableParameters.Where(network.IsHead)
                .Select(named => (Name: SavedHead.NameOf(weights, config, named.Name), (Tensor)named.Value)).ToArray();
            if (head.Length > 0 && !head.Any(entry => weights.Contains(entry.Name)))
            {
                var saved = config.Architectures.Count > 0 ? string.Join(", ", config.Architectures) : "something that its config.json does not name";
                throw new InvalidDataException(
                    $"{weights.Description} has no classification head for this model: none of {string.Join(", ", head.Select(entry => entry.Name))}. It was "
                    + $"saved as {saved}. Train a head on it, or give the adapter that has one.");
            }

            if (network.HeadKind == HeadKind.Tokens && ClassifierConfig.IsOfWholeTexts(config))
            {
                throw new InvalidDataException(
                    $"The head of {weights.Description} classifies whole texts and no words: it was saved as {string.Join(", ", config.Architectures)}. Train a head on it, or give the adapter that has one.");
            }

            CheckpointLoader.Load(head, weights, []);
        }
    }

    /// <summary>Makes classes of names, with the key values of a model that was trained here.</summary>
    /// <param name="names">The names in the order of the logits; null where they are not known.</param>
    /// <exception cref="ArgumentException">There are too few names, or the same one twice, or none are known.</exception>
    public static ClassLabels Labels(IReadOnlyList<string>? names)
    {
        if (names is null || names.Count < 2 || names.Distinct(StringComparer.Ordinal).Count() < names.Count || names.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException(
                $"The class names are {(names is null ? "neither given nor in the model's config.json" : $"[{string.Join(", ", names)}]")}. "
                + "Give classNames: at least two different names, in the order of the logits.", nameof(names));
        }

        return ClassLabels.Of(names);
    }

    private static bool HasHead(AdaptedNetwork network, PretrainedAdapter? adapter)
    {
        if (adapter is not { KeepHead: true })
        {
            return false;
        }

        using var weights = adapter.OpenWeights();
        return AdapterWeights.HasHead(network, adapter, weights);
    }
}
