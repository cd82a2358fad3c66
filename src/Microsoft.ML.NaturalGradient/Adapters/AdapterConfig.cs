using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>The file <c>adapter_config.json</c> of a saved model: which adapter its weights belong to.</summary>
internal static class AdapterConfig
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "adapter_config.json";

    /// <summary>Name of the file with the trained weights.</summary>
    public const string WeightsName = "adapter_model.safetensors";

    /// <summary>What the names in the weight file begin with.</summary>
    public const string Prefix = "base_model.model.";

    private static readonly Dictionary<string, Func<JsonObject, AdapterOptions>> Known = new(StringComparer.Ordinal)
    {
        [LoraOptions.PeftType] = LoraOptions.FromConfig,
    };

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes the file.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="encoder">The encoder it is attached to.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Write(AdapterOptions adapter, TextEncoder encoder) =>
        JsonSerializer.SerializeToUtf8Bytes(adapter.ToConfig(encoder), Indented);

    /// <summary>Reads the file.</summary>
    /// <param name="content">UTF-8 text.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <returns>The adapter, with legal settings.</returns>
    /// <exception cref="InvalidDataException">The text is damaged or names an unknown adapter.</exception>
    public static AdapterOptions Read(byte[] content, string description)
    {
        try
        {
            var config = JsonNode.Parse(content)!.AsObject();
            var adapter = Known[(string)config["peft_type"]!](config);
            adapter.Validate();
            return adapter;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or NullReferenceException
            or FormatException or ArgumentException)
        {
            throw new InvalidDataException(
                $"{description} does not describe an adapter of this library ({string.Join(", ", Known.Keys)}): {e.Message}", e);
        }
    }
}
