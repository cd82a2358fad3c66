using System.Text.Json;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using TorchSharp;
using static TorchSharp.torch;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>The tiny reference checkpoint with the reference adapters, read from their files.</summary>
internal static class PeftFixture
{
    /// <summary>Folder of an adapter.</summary>
    public static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "adapters", name);

    public static JsonElement Reference(string name) => Fixture.Read($"adapters/{name}/reference.json");

    /// <summary>A float64 classifier of three classes.</summary>
    public static TextClassifier Create(AdapterOptions adapter)
    {
        using var files = adapter.Open(new FolderCheckpointFiles(TinyText.Folder));
        var checkpoint = TextCheckpoint.Load(files);
        try
        {
            var classifier = new TextClassifier(checkpoint.Encoder, 3, adapter.For(checkpoint.Tokenizer), seed: 1);
            _ = classifier.to(ScalarType.Float64);
            return classifier;
        }
        catch
        {
            checkpoint.Encoder.Dispose();
            throw;
        }
    }

    /// <summary>A float64 classifier with the weights of a reference adapter.</summary>
    public static TextClassifier Create(string name) => Create(PublicCheckpoints.LoadPeft(Folder(name)));

    /// <summary>Name of a trained weight as the adapter library has it in memory.</summary>
    public static IEnumerable<(string Name, Tensor Value)> ReferenceNames(TextClassifier classifier, AdapterOptions adapter) =>
        AdapterWeights.Entries(classifier, adapter).Select(entry => (InMemory(entry.Name), entry.Value));

    /// <summary>A copy of an adapter's folder, changed.</summary>
    public static string Copy(string name, string target, Func<string, string>? changeConfig = null)
    {
        Directory.CreateDirectory(target);
        var config = File.ReadAllText(Path.Combine(Folder(name), AdapterConfig.FileName));
        File.WriteAllText(Path.Combine(target, AdapterConfig.FileName), changeConfig?.Invoke(config) ?? config);
        File.Copy(Path.Combine(Folder(name), AdapterConfig.WeightsName), Path.Combine(target, AdapterConfig.WeightsName), overwrite: true);
        return target;
    }

    private static string InMemory(string name)
    {
        if (name == PromptAdapter.CheckpointName)
        {
            return "prompt_encoder.default.embedding.weight";
        }

        return name.Contains("classifier.", StringComparison.Ordinal)
            ? name.Replace("classifier.", "classifier.modules_to_save.default.", StringComparison.Ordinal)
            : name.Replace("lora_A.", "lora_A.default.", StringComparison.Ordinal).Replace("lora_B.", "lora_B.default.", StringComparison.Ordinal)
                .Replace("lora_magnitude_vector", "lora_magnitude_vector.default.weight", StringComparison.Ordinal);
    }
}
