using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>One object of a <c>tokenizer.json</c>; every key must be read or named as having no influence, so that no setting is passed over.</summary>
internal sealed class JsonComponent
{
    private readonly JsonElement _value;
    private readonly string _where;
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    /// <summary>Takes an object.</summary>
    /// <param name="value">The object.</param>
    /// <param name="where">What and where it is, in words for error messages.</param>
    /// <exception cref="InvalidDataException">It is not an object.</exception>
    public JsonComponent(JsonElement value, string where)
    {
        _value = value;
        _where = where;
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Damaged("is not a JSON object");
        }
    }

    /// <summary>Its type; empty when it has none.</summary>
    public string Type => Text("type") ?? string.Empty;

    /// <summary>A value; <see langword="null"/> when it is missing or null.</summary>
    public JsonElement? Find(string key)
    {
        _read.Add(key);
        return _value.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>A value that must be there.</summary>
    public JsonElement Require(string key) => Find(key) ?? throw Damaged($"has no \"{key}\"");

    /// <summary>A true-or-false value; <see langword="null"/> when missing.</summary>
    public bool? Flag(string key) => Find(key) is not { } value
        ? null
        : value.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => throw Wrong(key, value, "true or false") };

    /// <summary>A text; <see langword="null"/> when missing.</summary>
    public string? Text(string key) => Find(key) is not { } value
        ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(key, value, "a text");

    /// <summary>A whole number; <see langword="null"/> when missing.</summary>
    public int? Integer(string key) => Find(key) is not { } value
        ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : throw Wrong(key, value, "a whole number");

    /// <summary>The elements of an array; none when missing.</summary>
    public IEnumerable<JsonElement> Items(string key) => Find(key) is not { } value
        ? []
        : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Wrong(key, value, "an array");

    /// <summary>Objects of an array, or one object alone.</summary>
    /// <param name="key">Key of the array.</param>
    /// <param name="what">What an object is, in words for error messages.</param>
    public IEnumerable<JsonComponent> Components(string key, string what) =>
        Items(key).Select((value, n) => new JsonComponent(value, $"{what} {n + 1} of {_where}")).ToArray();

    /// <summary>Names keys that do not influence token ids.</summary>
    public JsonComponent Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            _read.Add(key);
        }

        return this;
    }

    /// <summary>Refuses a value unless it is missing or one of those that have no effect.</summary>
    public JsonComponent Only(string key, params ReadOnlySpan<string> harmless)
    {
        if (Find(key) is { } value && !harmless.Contains(value.GetRawText()))
        {
            throw Unsupported($"sets \"{key}\" to {value.GetRawText()}", $"a component without it");
        }

        return this;
    }

    /// <summary>Refuses every key that was neither read nor named.</summary>
    /// <exception cref="InvalidDataException">There is such a key.</exception>
    public void RefuseOthers()
    {
        foreach (var property in _value.EnumerateObject())
        {
            if (!_read.Contains(property.Name))
            {
                throw Unsupported($"sets \"{property.Name}\"", "a component without it");
            }
        }
    }

    /// <summary>An error for what cannot be done.</summary>
    /// <param name="what">What the component asks for.</param>
    /// <param name="supported">What is supported instead.</param>
    public InvalidDataException Unsupported(string what, string supported) =>
        new($"The {_where} {what}, which is not supported. Supported: {supported}. Choose a model with such a tokenizer.");

    /// <summary>An error for a component that is not as it should be.</summary>
    public InvalidDataException Damaged(string what) => new($"The {_where} {what}. Download the file again.");

    private InvalidDataException Wrong(string key, JsonElement value, string expected) => Damaged($"has {value.GetRawText()} as \"{key}\", which should be {expected}");
}
