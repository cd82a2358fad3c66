using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>LoRA settings as PEFT's <c>adapter_config.json</c> spells them.</summary>
internal static class LoraConfig
{
    /// <summary>The fields that <see cref="Read"/> understands.</summary>
    public static readonly string[] Fields =
    [
        "r", "lora_alpha", "lora_dropout", "bias", "target_modules", "modules_to_save", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora",
        "init_lora_weights",
    ];

    private static readonly (string Name, LoraBias Value)[] Biases =
        [("none", LoraBias.None), ("all", LoraBias.All), ("lora_only", LoraBias.LoraOnly)];

    // Only these leave the base model's weights as they are.
    private static readonly string[] HarmlessInitializations = ["gaussian", "orthogonal", "eva"];

    /// <summary>Reads the settings.</summary>
    /// <param name="config">The file.</param>
    /// <returns>The settings, whose ranges are not checked yet.</returns>
    /// <exception cref="InvalidDataException">A field has the wrong kind of value; the message names file and field.</exception>
    /// <exception cref="NotSupportedException">A field asks for something that is not supported.</exception>
    public static LoraOptions Read(ModelConfig config)
    {
        CheckInitialization(config);
        var targets = config.IsText("target_modules") ? config.RequireString("target_modules") : null;
        var bias = config.OptionalString("bias", "none");
        return new LoraOptions
        {
            Rank = config.OptionalInt("r", 8),
            Alpha = config.OptionalDouble("lora_alpha", 8),
            Dropout = config.OptionalDouble("lora_dropout", 0),
            Bias = Array.Find(Biases, entry => entry.Name == bias) is { Name: not null } found
                ? found.Value
                : throw config.Unexpected("bias", "'none', 'all' or 'lora_only'"),
            TargetModules = targets is null ? NullIfEmpty(config.OptionalStrings("target_modules"))
                : targets == LoraOptions.AllLinearName ? LoraOptions.AllLinear : null,
            TargetPattern = targets == LoraOptions.AllLinearName ? null : targets,
            ModulesToSave = NullIfEmpty(config.OptionalStrings("modules_to_save")),
            RankPattern = Pattern(config, "rank_pattern", value => value == Math.Floor(value) ? (int)value : -1),
            AlphaPattern = Pattern(config, "alpha_pattern", value => value),
            UseRsLoRA = config.OptionalBool("use_rslora", false),
            UseDoRA = config.OptionalBool("use_dora", false),
            SkipsUnknownTargets = true,
        };
    }

    /// <summary>Writes the settings.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="encoder">The encoder, whose default targets stand in where the settings name none.</param>
    /// <returns>The configuration.</returns>
    public static JsonObject Write(LoraOptions options, PretrainedNetwork encoder)
    {
        var targets = options.Layers is null
            ? options.TargetModules ?? encoder.Architecture.DefaultTargets
            : [.. LoraTargets.Find(encoder, options).Select(target => target.Name)]; // PEFT counts layers by the names of those it knows only
        var config = AdapterConfig.Describe(LoraOptions.PeftType, encoder, options.ModulesToSave);
        config["r"] = options.Rank;
        config["lora_alpha"] = options.Alpha;
        config["lora_dropout"] = options.Dropout;
        config["bias"] = Array.Find(Biases, entry => entry.Value == options.Bias).Name;
        config["target_modules"] = (options.Layers is null ? options.TargetPattern : null) ?? (LoraTargets.IsAllLinear(targets)
            ? LoraOptions.AllLinearName
            : (JsonNode)AdapterConfig.List(targets));
        config["rank_pattern"] = Pattern(options.RankPattern);
        config["alpha_pattern"] = Pattern(options.AlphaPattern);
        config["use_rslora"] = options.UseRsLoRA;
        config["use_dora"] = options.UseDoRA;
        config["fan_in_fan_out"] = false;
        config["init_lora_weights"] = true;
        return config;
    }

    private static void CheckInitialization(ModelConfig config)
    {
        if (config.IsText("init_lora_weights") && !HarmlessInitializations.Contains(config.RequireString("init_lora_weights")))
        {
            throw new NotSupportedException(
                $"{config.File} has init_lora_weights '{config.RequireString("init_lora_weights")}', which changes the base model's weights, so that the "
                + "adapter does not fit the base alone. Convert it in Python: model.save_pretrained(folder, path_initial_model_for_weight_conversion=...), "
                + "or merge it with merge_and_unload.");
        }
    }

    private static IReadOnlyList<string>? NullIfEmpty(IReadOnlyList<string> names) => names.Count == 0 ? null : names;

    private static OrderedDictionary<string, T>? Pattern<T>(ModelConfig config, string field, Func<double, T> convert)
    {
        var numbers = config.OptionalNumbers(field);
        return numbers.Count == 0 ? null : new OrderedDictionary<string, T>(numbers.Select(pair => KeyValuePair.Create(pair.Key, convert(pair.Value))));
    }

    private static JsonObject Pattern<T>(IReadOnlyDictionary<string, T>? values) =>
        new((values ?? new Dictionary<string, T>()).Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));
}
