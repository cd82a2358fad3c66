using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>The tiny reference checkpoint as a float64 classifier, bare or with the reference adapter.</summary>
internal static class BertFixture
{
    public const string Encoder = "encoders/bert";
    public const string Adapter = "adapters/bert-lora";

    public static CheckpointFiles OpenFiles(string folder = Encoder) =>
        new FolderCheckpointFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", folder));

    /// <summary>Everything is loaded, the head too; nothing but the adapter's parameters and the head is trainable.</summary>
    public static TextClassifier CreateClassifier()
    {
        using var files = OpenFiles();
        using var weights = files.OpenSafetensors(CheckpointFiles.WeightsName);
        var encoder = TextEncoderFactory.Create(ModelConfig.Read(files));
        var classifier = new TextClassifier(encoder, 3, new LoraOptions { Rank = 4, Alpha = 8 }, seed: 1);
        _ = classifier.to(ScalarType.Float64);
        CheckpointLoader.Load(classifier.FrozenParameters, weights, ["bert."]);
        CheckpointLoader.Load(classifier.TrainableParameters.Where(named => named.Name.StartsWith("classifier", StringComparison.Ordinal)), weights, []);
        return classifier;
    }

    /// <summary>With the adapter's weights and its own head.</summary>
    public static TextClassifier CreateAdaptedClassifier()
    {
        var classifier = CreateClassifier();
        using var files = OpenFiles(Adapter);
        using var adapter = files.OpenSafetensors("adapter_model.safetensors");
        CheckpointLoader.Load(classifier.TrainableParameters, adapter, ["base_model.model."]);
        return classifier;
    }

    public static TokenBatch Inputs(JsonElement inputs)
    {
        var mask = inputs.GetProperty("attention_mask").ToTensor().to(ScalarType.Int64);
        return new TokenBatch(
            inputs.GetProperty("input_ids").ToTensor().to(ScalarType.Int64),
            mask,
            inputs.GetProperty("token_type_ids").ToTensor().to(ScalarType.Int64),
            isPadded: mask.min().item<long>() == 0);
    }

    /// <summary>Name of a parameter as the adapter library has it in memory.</summary>
    public static string ReferenceName(string name) => "base_model.model." + (name.StartsWith("classifier.", StringComparison.Ordinal)
        ? name.Replace("classifier.", "classifier.modules_to_save.default.", StringComparison.Ordinal)
        : name.Replace(".weight", ".default.weight", StringComparison.Ordinal));
}
