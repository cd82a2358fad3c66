using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>The tiny BERT checkpoint as a float64 classifier, bare or with the reference adapter.</summary>
internal static class BertFixture
{
    public const string Encoder = "encoders/bert";
    public const string Adapter = "adapters/bert-lora";

    public static CheckpointFiles OpenFiles(string folder = Encoder) =>
        new FolderCheckpointFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", folder));

    /// <summary>Everything is loaded, the head too; nothing but the adapter's parameters and the head is trainable.</summary>
    public static TextClassifier CreateClassifier() => new EncoderFixture("bert").CreateClassifier();

    /// <summary>With the adapter's weights and its own head.</summary>
    public static TextClassifier CreateAdaptedClassifier() => AdapterFixture.CreateClassifier("bert", Adapter);

    public static TokenBatch Inputs(JsonElement inputs) => EncoderFixture.Inputs(inputs);

    /// <summary>Name of a parameter as the adapter library has it in memory.</summary>
    public static string ReferenceName(string name) => AdapterFixture.ReferenceName(name);
}
