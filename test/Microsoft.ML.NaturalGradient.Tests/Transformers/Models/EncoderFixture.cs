using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>A tiny reference checkpoint of one architecture, loaded from its files as a float64 classifier of three classes.</summary>
/// <param name="name">Name of its folder.</param>
internal sealed class EncoderFixture(string name)
{
    public const int ClassCount = 3;

    // The checkpoints come without a tokenizer; the reference inputs are ids.
    internal static readonly string Vocabulary = string.Join('\n', new[] { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" }
        .Concat(Enumerable.Range(5, 55).Select(i => $"word{i}")));

    /// <summary>The text encoders that have such a checkpoint, by folder; it is called like the <c>model_type</c>. Rows of tests.</summary>
    public static IEnumerable<object[]> OfTexts => Directory.EnumerateDirectories(Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders"))
        .Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)
        .Where(name => Architectures.Find(name)?.Kind == ArchitectureKind.TextEncoder).Select(name => new object[] { name });

    /// <summary>Results of the reference implementation.</summary>
    public JsonElement Reference { get; } = Fixture.Read($"encoders/{name}/reference.json");

    /// <summary>The files, with changes to the fields of config.json.</summary>
    public CheckpointFiles OpenFiles(params (string Field, object? Value)[] changes) =>
        new MemoryCheckpointFiles(Contents(changes), $"the {name} fixture");

    /// <summary>The files by name.</summary>
    public Dictionary<string, byte[]> Contents(params (string Field, object? Value)[] changes)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders", name);
        var config = JsonSerializer.Deserialize<Dictionary<string, object?>>(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        foreach (var (field, value) in changes)
        {
            config[field] = value;
        }

        return new Dictionary<string, byte[]>
        {
            [CheckpointFiles.ConfigName] = JsonSerializer.SerializeToUtf8Bytes(config),
            [CheckpointFiles.WeightsName] = File.ReadAllBytes(Path.Combine(folder, "model.safetensors")),
            ["vocab.txt"] = System.Text.Encoding.UTF8.GetBytes(Vocabulary),
            ["tokenizer_config.json"] = """{ "tokenizer_class": "BertTokenizer" }"""u8.ToArray(),
        };
    }

    /// <summary>Everything is loaded, the head too; nothing but the adapter's parameters and the head is trainable.</summary>
    public TextClassifier CreateClassifier(
        AdapterOptions? adapter = null, int classCount = ClassCount, params (string Field, object? Value)[] changes)
    {
        using var files = OpenFiles(changes);
        var checkpoint = TextCheckpoint.Load(files);
        var classifier = new TextClassifier(
            checkpoint.Encoder, classCount, adapter ?? new LoraOptions { Rank = 4, Alpha = 8 }, seed: 1, checkpoint.HeadWeights);
        _ = classifier.to(ScalarType.Float64);
        return classifier;
    }

    /// <summary>As the other, with all weights of the checkpoint trainable.</summary>
    public TextClassifier CreateTrainableClassifier()
    {
        var classifier = CreateClassifier();
        foreach (var parameter in classifier.parameters())
        {
            parameter.requires_grad = true;
        }

        return classifier;
    }

    /// <summary>Moves adapters from where they start, at zero, where one of their halves has no gradient.</summary>
    public static void Perturb(ITrainableModel classifier)
    {
        using var noGrad = no_grad();
        using var generator = new Generator(5);
        foreach (var (_, value) in classifier.TrainableParameters.Where(named => named.Name.EndsWith("lora_B.weight", StringComparison.Ordinal)))
        {
            value.normal_(0, 0.2, generator);
        }
    }

    /// <summary>The inputs of the reference.</summary>
    public TokenBatch Inputs() => Inputs(Reference.GetProperty("inputs"));

    /// <summary>Runs the classifier on the inputs of the reference.</summary>
    public BatchEvaluation Evaluate(ITrainableModel classifier, ModelInput inputs) => BatchEvaluation.Run(
        new SoftmaxCrossEntropy(), Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64), true, () => classifier.Forward(inputs));

    /// <summary>Ids, mask and segments, if there are any, as a batch.</summary>
    public static TokenBatch Inputs(JsonElement inputs)
    {
        var ids = inputs.GetProperty("input_ids").ToTensor().to(ScalarType.Int64);
        var mask = inputs.GetProperty("attention_mask").ToTensor().to(ScalarType.Int64);
        var typeIds = inputs.TryGetProperty("token_type_ids", out var types) ? types.ToTensor().to(ScalarType.Int64) : zeros_like(ids);
        return new TokenBatch(ids, mask, typeIds, isPadded: mask.min().item<long>() == 0);
    }
}
