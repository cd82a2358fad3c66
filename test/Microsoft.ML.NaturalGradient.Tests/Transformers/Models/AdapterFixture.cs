using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>A reference LoRA adapter of rank 4 on a tiny reference checkpoint.</summary>
internal static class AdapterFixture
{
    /// <summary>A float64 classifier with the adapter's weights and its own head.</summary>
    public static TextClassifier CreateClassifier(string encoder, string folder)
    {
        var classifier = new EncoderFixture(encoder).CreateClassifier(new LoraOptions { Rank = 4, Alpha = 8 });
        using var files = new FolderCheckpointFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", folder));
        using var adapter = files.OpenSafetensors("adapter_model.safetensors");
        var loaded = CheckpointLoader.Load(classifier.TrainableParameters, adapter, ["base_model.model."]);
        Assert.IsEmpty(loaded.Unused);
        return classifier;
    }

    /// <summary>Name of a parameter as the adapter library has it in memory.</summary>
    public static string ReferenceName(string name)
    {
        var module = name.Split('.')[0];
        return "base_model.model." + (module.EndsWith("classifier", StringComparison.Ordinal) || module == "qa_outputs"
            ? name.Replace($"{module}.", $"{module}.modules_to_save.default.", StringComparison.Ordinal)
            : name.Replace(".weight", ".default.weight", StringComparison.Ordinal));
    }
}
