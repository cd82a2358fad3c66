using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Writes a tokenizer as <c>tokenizer.json</c>, which Hugging Face's tokenizers read in any language.</summary>
internal static class TokenizerJsonWriter
{
    /// <summary>How the file is written.</summary>
    public static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a tokenizer.</summary>
    /// <param name="parts">Its parts.</param>
    /// <returns>UTF-8 text; null where the format has no such tokenizer.</returns>
    public static byte[]? Write(TextTokenizerParts parts) => parts.Json is not { } json ? null : JsonSerializer.SerializeToUtf8Bytes(
        new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = Padding(parts),
            ["added_tokens"] = new JsonArray([.. parts.AddedTokens.OrderBy(token => token.Id).Select(Describe)]),
            ["normalizer"] = json.Normalizer?.DeepClone(),
            ["pre_tokenizer"] = json.Words.DeepClone(),
            ["post_processor"] = Template(parts),
            ["decoder"] = null,
            ["model"] = json.Model(),
        },
        Readable);

    /// <summary>A step of cleaning.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="settings">Its settings.</param>
    public static JsonObject Component(string type, params ReadOnlySpan<(string Name, JsonNode? Value)> settings)
    {
        var component = new JsonObject { ["type"] = type };
        foreach (var (name, value) in settings)
        {
            component[name] = value;
        }

        return component;
    }

    /// <summary>Pieces by id.</summary>
    /// <param name="ids">Pieces and ids.</param>
    public static JsonObject Vocabulary(IEnumerable<KeyValuePair<string, int>> ids) =>
        new(ids.OrderBy(entry => entry.Value).Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)JsonValue.Create(entry.Value))));

    /// <summary>A token that is recognised in texts.</summary>
    /// <param name="token">The token.</param>
    public static JsonObject Describe(AddedToken token) => new()
    {
        ["id"] = token.Id,
        ["content"] = token.Content,
        ["single_word"] = false,
        ["lstrip"] = token.TakesSpaceBefore,
        ["rstrip"] = token.TakesSpaceAfter,
        ["normalized"] = token.Cleaned,
        ["special"] = !token.Cleaned,
    };

    private static JsonObject? Padding(TextTokenizerParts parts) => parts.AddedTokens.FirstOrDefault(token => token.Id == parts.PadId) is not { } pad ? null : new()
    {
        ["strategy"] = "BatchLongest",
        ["direction"] = "Right",
        ["pad_to_multiple_of"] = null,
        ["pad_id"] = pad.Id,
        ["pad_type_id"] = 0,
        ["pad_token"] = pad.Content,
    };

    private static JsonObject Template(TextTokenizerParts parts)
    {
        var names = parts.AddedTokens.ToDictionary(token => token.Id, token => token.Content);
        var special = new JsonObject();
        foreach (var id in parts.Template.SpecialIds)
        {
            special[names[id]] = new JsonObject { ["id"] = names[id], ["ids"] = new JsonArray(id), ["tokens"] = new JsonArray(names[id]) };
        }

        return Component("TemplateProcessing", ("single", Places(parts.Template.Single)), ("pair", Places(parts.Template.Pair)), ("special_tokens", special));

        JsonArray Places(IEnumerable<TemplatePart> places) => new([.. places.Select(place => place.Slot == TemplateSlot.Token
            ? new JsonObject { ["SpecialToken"] = Place(names[place.Id], place) }
            : new JsonObject { ["Sequence"] = Place(place.Slot == TemplateSlot.First ? "A" : "B", place) })]);

        static JsonObject Place(string name, TemplatePart place) => new() { ["id"] = name, ["type_id"] = place.TypeId };
    }
}
