using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>The file <c>adapter_config.json</c>, of PEFT and of saved models: which adapter the weights beside it belong to.</summary>
internal static class AdapterConfig
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "adapter_config.json";

    /// <summary>Name of the file with the trained weights.</summary>
    public const string WeightsName = "adapter_model.safetensors";

    /// <summary>What the names in the weight file begin with, prompt tuning apart.</summary>
    public const string Prefix = "base_model.model.";

    /// <summary>The field that says what the adapter was trained for.</summary>
    public const string TaskField = "task_type";

    private const string BaseModelField = "base_model_name_or_path";
    private const string RevisionField = "revision";
    private const string LayersField = "layers_to_transform"; // the number of the only layer, too: zero turns it on

    private static readonly Dictionary<string, (string[] Fields, Func<ModelConfig, AdapterOptions> Read)> Known = new(StringComparer.Ordinal)
    {
        [LoraOptions.PeftType] = (LoraConfig.Fields, LoraConfig.Read),
        [PromptTuningOptions.PeftType] = (PromptTuningOptions.Fields, PromptTuningOptions.FromConfig),
        [BiasOnlyOptions.TypeName] = ([], _ => new BiasOnlyOptions { IsRestored = true }),
        [FullFineTuningOptions.TypeName] = ([], _ => new FullFineTuningOptions()),
        [HeadOnlyOptions.TypeName] = ([], _ => new HeadOnlyOptions()),
    };

    // Say where an adapter comes from, or how something is done that is off unless another field turns it on.
    private static readonly string[] Harmless =
    [
        "peft_type", TaskField, BaseModelField, "peft_version", RevisionField, "auto_mapping", "inference_mode", "modules_to_save", "megatron_core",
        "eva_config", "qalora_group_size", "runtime_config", "ensure_weight_tying",
    ];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes the file.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="network">The network that has it.</param>
    /// <param name="baseModel">Where the base model is; null where that is not known.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Write(AdapterOptions adapter, AdaptedNetwork network, BaseLocation? baseModel)
    {
        var config = adapter.ToConfig(network.Base);
        if (network.HeadKind != HeadKind.Whole)
        {
            config[TaskField] = network.PeftTask;
            config["modules_to_save"] = List([.. Names(config["modules_to_save"]).Except(network.Base.HeadModules).Union(network.HeadModules)]);
        }

        // A program that finds a base here takes all of its layers.
        var whole = baseModel is { Layers: null } ? baseModel : null;
        config[BaseModelField] = whole?.Name;
        config[RevisionField] = whole?.Revision;
        if (config["prompt_tuning_init_text"] is not null)
        {
            config["tokenizer_name_or_path"] = baseModel?.Name ?? "."; // PEFT refuses a prompt from a text without it, though it reads the vectors
        }

        return JsonSerializer.SerializeToUtf8Bytes(config, Indented);
    }

    /// <summary>Reads where the base model is.</summary>
    /// <param name="config">The file.</param>
    /// <returns>The place; null where the file does not name it.</returns>
    public static BaseLocation? ReadBase(ModelConfig config) => config.OptionalString(BaseModelField, null) is { } name
        ? new BaseLocation(name, config.OptionalString(RevisionField, null))
        : null;

    /// <summary>Reads the file.</summary>
    /// <param name="files">Where it is.</param>
    /// <returns>The adapter, with legal settings.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The text is damaged, or a setting is out of range.</exception>
    /// <exception cref="NotSupportedException">It names an unknown adapter or a setting that is not supported.</exception>
    public static AdapterOptions Read(CheckpointFiles files)
    {
        var config = ModelConfig.Read(files, FileName);
        var type = config.RequireString("peft_type");
        if (!Known.TryGetValue(type, out var kind))
        {
            throw new NotSupportedException(
                $"{config.File} has peft_type '{type}', which is not supported. Supported are: {string.Join(", ", Known.Keys)}. "
                + "Merge the adapter in Python (merge_and_unload) and read the merged model with PretrainedModel.FromFolder.");
        }

        var inUse = config.KindOf(LayersField) == JsonValueKind.Number ? config.FieldsInUse.Append(LayersField) : config.FieldsInUse;
        if (inUse.FirstOrDefault(field => !Harmless.Contains(field) && !kind.Fields.Contains(field)) is { } unknown)
        {
            throw new NotSupportedException(
                $"{config.File} has the field '{unknown}' with the value {config.TextOf(unknown)}, which is not supported for {type}. Train the adapter "
                + "without it, or merge it in Python (merge_and_unload) and read the merged model with PretrainedModel.FromFolder.");
        }

        try
        {
            var adapter = kind.Read(config);
            adapter.Validate();
            return adapter;
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{config.File} has a setting that is out of range: {e.Message}", e);
        }
    }

    /// <summary>The fields that every adapter has.</summary>
    /// <param name="type">Its <c>peft_type</c>.</param>
    /// <param name="encoder">The encoder; the modules of its classification head are trained as a whole.</param>
    /// <param name="modulesToSave">Other modules trained as a whole; null for none.</param>
    /// <returns>The configuration.</returns>
    public static JsonObject Describe(string type, PretrainedNetwork encoder, IReadOnlyList<string>? modulesToSave = null) => new()
    {
        ["peft_type"] = type,
        [TaskField] = encoder.Architecture.PeftTask,
        ["auto_mapping"] = encoder.PythonClass is not { } name ? null : new JsonObject
        {
            ["base_model_class"] = name,
            ["parent_library"] = $"transformers.models.{encoder.Prefix}.modeling_{encoder.Prefix}",
        },
        ["inference_mode"] = true,
        ["modules_to_save"] = (modulesToSave ?? []).Union(encoder.HeadModules).ToArray() is { Length: > 0 } modules ? List(modules) : null,
    };

    private static IEnumerable<string> Names(JsonNode? list) => (list as JsonArray)?.Select(name => (string)name!) ?? [];

    /// <summary>Names as a list of JSON.</summary>
    public static JsonArray List(IReadOnlyList<string> names) => new([.. names.Select(name => JsonValue.Create(name))]);
}
