using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>The trained weights of a classifier under the names that PEFT gives them in <c>adapter_model.safetensors</c>.</summary>
/// <remarks>
/// A weight of the base model is called <c>base_model.model.</c> and its checkpoint name; the bias of a layer with an addition belongs to
/// its <c>base_layer</c>. PEFT also writes copies of the head's bias (<c>original_module</c>, <c>modules_to_save</c>) when all biases are trained;
/// they are neither read nor written here.
/// </remarks>
internal static class AdapterWeights
{
    private const string BaseLayer = ".base_layer";
    private const string PoolingKey = "pooling";
    private const string MeanPooling = "mean";

    private static readonly string[] Copies = [".original_module.", ".modules_to_save."];

    /// <summary>The weights to be written.</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="adapter">What was trained.</param>
    /// <returns>The trained weights in their own types; not copied.</returns>
    public static IEnumerable<SafetensorsEntry> Entries(AdaptedNetwork classifier, AdapterOptions adapter)
    {
        var adapted = AdaptedLayers(classifier.Base);
        return classifier.TrainableParameters.Select(
            named => new SafetensorsEntry(FileNames(named.Name, adapter, adapted, classifier.Base).First(), named.Value, named.Value.dtype));
    }

    /// <summary>What the file says about the classifier beside its weights.</summary>
    /// <param name="readsMean">Whether the head reads the mean of the token vectors and not what the architecture's own classifier reads.</param>
    /// <returns>Metadata; nothing that PEFT does not write, unless the head reads the mean, which its name says too.</returns>
    public static IReadOnlyDictionary<string, string> Metadata(bool readsMean)
    {
        var metadata = new Dictionary<string, string> { ["format"] = "pt" };
        if (readsMean)
        {
            metadata[PoolingKey] = MeanPooling;
        }

        return metadata;
    }

    /// <summary>Whether the head reads the mean of the token vectors, as its name says; files of earlier versions say it in their metadata.</summary>
    /// <remarks>A program that saves an adapter again keeps the names and may drop the metadata.</remarks>
    public static bool ReadsMean(SafetensorsFile file) => file.Metadata.GetValueOrDefault(PoolingKey) == MeanPooling
        || file.Names.Any(name => name.Contains("." + HeadLayout.Mean.Output + ".", StringComparison.Ordinal));

    /// <summary>Whether a file has no metadata at all, as those of saved models before PEFT's layout, whose head is what the base says.</summary>
    public static bool IsSilent(SafetensorsFile file) => file.Metadata.Count == 0;

    /// <summary>Which of DeiT's two classifiers a file was trained on, as its head shows; every other architecture has one.</summary>
    /// <param name="file">The file.</param>
    /// <param name="prefix">What the names in the file begin with.</param>
    /// <returns>Whether the head is a mean of two, on the class and the distillation token; null where the file has no head.</returns>
    public static bool? IsWithTeacher(SafetensorsFile file, string prefix = AdapterConfig.Prefix)
    {
        bool HasAny(IEnumerable<string> modules) =>
            modules.Any(module => file.Names.Any(name => name.StartsWith($"{prefix}{module}.", StringComparison.Ordinal)));
        if (HasAny(DeiTEncoder.TwoHeads.Modules))
        {
            return true;
        }

        return HasAny(PeftNames.HeadModules) ? false : null;
    }

    /// <summary>Shapes of the base model's own weights that a file holds, by what checkpoints call them.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<long>> BaseShapes(SafetensorsFile file) => file.Names
        .Where(name => name.StartsWith(AdapterConfig.Prefix, StringComparison.Ordinal))
        .GroupBy(name => name[AdapterConfig.Prefix.Length..].Replace(BaseLayer, "", StringComparison.Ordinal), StringComparer.Ordinal)
        .ToDictionary(names => names.Key, names => file.ShapeOf(names.First()), StringComparer.Ordinal);

    /// <summary>Compares the ranks that a configuration gives the layers with a file, before memory is taken for them.</summary>
    /// <param name="encoder">The base model, to which nothing is attached yet.</param>
    /// <param name="lora">The configuration.</param>
    /// <param name="file">The file.</param>
    /// <exception cref="InvalidDataException">They differ; the message names the tensor and both shapes.</exception>
    public static void CheckRanks(PretrainedNetwork encoder, LoraOptions lora, SafetensorsFile file)
    {
        var patterns = new LoraPatterns();
        // Matches by how a name begins, which is another way for the layers of a bare encoder.
        var anchored = (lora.AlphaPattern?.Keys ?? []).Concat(lora.RankPattern?.Keys ?? [])
            .FirstOrDefault(pattern => pattern.Replace("[^", "[", StringComparison.Ordinal).Contains('^', StringComparison.Ordinal));
        foreach (var (name, layer) in LoraTargets.Find(encoder, lora))
        {
            long[] expected = [patterns.Lookup(lora.RankPattern, name, lora.Rank), layer.InputSize];
            var names = FileNames($"{name}.lora_A.weight", lora, new Dictionary<string, LinearLayer>(), encoder).ToArray();
            var stored = names.FirstOrDefault(file.Contains);
            if (stored is null || !file.ShapeOf(stored).SequenceEqual(expected))
            {
                throw new InvalidDataException(
                    $"{file.Description} does not fit {AdapterConfig.FileName}: {stored ?? names[0]} "
                    + (stored is null ? "is missing" : $"has shape {MessageText.Shape(file.ShapeOf(stored))}, expected {MessageText.Shape(expected)}")
                    + ". Check that both belong to one adapter, and that the base model is the one that it was trained on.");
            }

            if (!stored.StartsWith(lora.FilePrefix + name, StringComparison.Ordinal) && anchored is not null)
            {
                throw new InvalidDataException(
                    $"{file.Description} was trained on a bare encoder, whose names lack '{encoder.Prefix}.', and '{anchored}' of its {AdapterConfig.FileName} asks how they begin. Write it without '^'.");
            }
        }
    }

    /// <summary>Whether a file has weights of the classification head.</summary>
    public static bool HasHead(AdaptedNetwork classifier, AdapterOptions adapter, SafetensorsFile file) =>
        classifier.TrainableParameters.Where(classifier.IsHead).Select(named => adapter.FilePrefix + named.Name)
            .Any(name => file.Contains(name) || (ReadsMean(file) && file.Contains(HeadLayout.OldName(name))));

    /// <summary>Fills the trained weights from a file, all of them or none.</summary>
    /// <param name="classifier">The classifier; changed.</param>
    /// <param name="adapter">What it was trained with.</param>
    /// <param name="file">The file.</param>
    /// <param name="withHead">Whether the head is filled too.</param>
    /// <param name="isSavedModel">Whether the file is part of a saved model and not an adapter that may come from elsewhere.</param>
    /// <exception cref="InvalidDataException">
    /// Weights are missing, have another shape, or are left over; the message lists them.
    /// </exception>
    public static void Load(AdaptedNetwork classifier, AdapterOptions adapter, SafetensorsFile file, bool withHead = true, bool isSavedModel = false)
    {
        var adapted = AdaptedLayers(classifier.Base);
        var mayBeOld = ReadsMean(file) || (isSavedModel && IsSilent(file));
        var found = classifier.TrainableParameters.Select(named => (Named: named, Names: FileNames(named.Name, adapter, adapted, classifier.Base)))
            .Select(entry => (entry.Named, Names: mayBeOld && classifier.IsHead(entry.Named) ? entry.Names.SelectMany(WithOldName) : entry.Names))
            .Select(entry => (entry.Named, Name: entry.Names.FirstOrDefault(file.Contains) ?? entry.Names.First())).ToArray();
        var known = found.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        var unknown = file.Names.Where(name => !known.Contains(name) && !IsCopy(name, known)).ToArray();
        if (unknown.Length > 0)
        {
            throw new InvalidDataException(
                $"{file.Description} has weights that this model has no place for: {MessageText.Few(unknown)}. "
                + $"Check that {AdapterConfig.FileName} belongs to them, and that the base model is the one that the adapter was trained on.");
        }

        CheckpointLoader.Load(
            found.Where(entry => withHead || !classifier.IsHead(entry.Named)).Select(entry => (entry.Name, (Tensor)entry.Named.Value)), file, []);
    }

    /// <summary>The layers that have an adapter, by their checkpoint names.</summary>
    public static IReadOnlyDictionary<string, LinearLayer> AdaptedLayers(PretrainedNetwork encoder) => encoder.named_modules()
        .Where(named => named.module is LinearLayer { Adapter: not null })
        .ToDictionary(named => encoder.NameOf(named.name), named => (LinearLayer)named.module);

    private static bool IsCopy(string name, HashSet<string> known) =>
        Copies.Any(copy => name.Contains(copy, StringComparison.Ordinal) && known.Contains(name.Replace(copy, ".", StringComparison.Ordinal)));

    private static IEnumerable<string> WithOldName(string name) => [name, HeadLayout.OldName(name)];

    // The name that is written, then others that are read: older files without base_layer, and adapters of the bare encoder without its prefix.
    private static IEnumerable<string> FileNames(string name, AdapterOptions adapter, IReadOnlyDictionary<string, LinearLayer> adapted, PretrainedNetwork encoder)
    {
        if (name == PromptAdapter.CheckpointName)
        {
            return [name];
        }

        var (layer, field) = (name[..name.LastIndexOf('.')], name[name.LastIndexOf('.')..]);
        string[] names = field is ".bias" or ".weight" && adapted.ContainsKey(layer) ? [layer + BaseLayer + field, name] : [name];
        var bare = names.Where(own => own.StartsWith(encoder.Prefix + ".", StringComparison.Ordinal)).Select(own => own[(encoder.Prefix.Length + 1)..]);
        return names.Concat(bare.ToArray()).Select(own => adapter.FilePrefix + own);
    }
}
