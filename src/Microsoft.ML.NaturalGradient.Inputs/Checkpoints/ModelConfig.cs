using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The settings in a checkpoint's JSON file, read field by field with errors that name the file and the field.</summary>
/// <remarks>A field that is null counts as absent.</remarks>
internal sealed class ModelConfig
{
    private readonly JsonElement _root;

    private ModelConfig(string file, JsonElement root)
    {
        File = file;
        _root = root;
    }

    /// <summary>The file, in words for error messages.</summary>
    public string File { get; }

    /// <summary>The architecture family, for example <c>bert</c>; of the encoder where the mean of its tokens is classified.</summary>
    public string ModelType => MeanPooled.EncoderType(RequireString("model_type"));

    /// <summary>Class names of the models that the checkpoint was saved from; empty if it does not say.</summary>
    public IReadOnlyList<string> Architectures => OptionalStrings("architectures");

    /// <summary>Reads a file of settings.</summary>
    /// <param name="files">The checkpoint.</param>
    /// <param name="name">File name.</param>
    /// <returns>The settings; they do not keep <paramref name="files"/>.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not a JSON object.</exception>
    public static ModelConfig Read(CheckpointFiles files, string name = CheckpointFiles.ConfigName)
    {
        var file = $"'{name}' of {files.Description}";
        using var document = JsonText.Parse(files, name, file);
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? new ModelConfig(file, document.RootElement.Clone())
            : throw new InvalidDataException($"{file} is not a JSON object. Fetch the model's files again.");
    }

    /// <summary>Throws if the fields that say what kind of model this is have the wrong kind of value.</summary>
    /// <exception cref="InvalidDataException">One has; the message names it.</exception>
    public void CheckKind() => _ = (ModelType, Architectures);

    /// <summary>Names of the fields that turn something on: whose value is not null, false, zero, empty, or an object of such values.</summary>
    public IEnumerable<string> FieldsInUse => _root.EnumerateObject().Where(entry => IsOn(entry.Value)).Select(entry => entry.Name);

    /// <summary>A field that must be a whole number of 32 bits.</summary>
    public int RequireInt(string field) => Int(Require(field, "a whole number"), field);

    /// <summary>A field that must be text.</summary>
    public string RequireString(string field) => String(Require(field, "a text"), field);

    /// <summary>A whole number, or the default if the field is absent.</summary>
    public int OptionalInt(string field, int defaultValue) => Find(field) is { } value ? Int(value, field) : defaultValue;

    /// <summary>A number, or the default if the field is absent.</summary>
    public double OptionalDouble(string field, double defaultValue) =>
        Find(field) is { } value ? Double(value, field) : defaultValue;

    /// <summary>A text, or the default if the field is absent.</summary>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? OptionalString(string field, string? defaultValue) =>
        Find(field) is { } value ? String(value, field) : defaultValue;

    /// <summary>A truth value, or the default if the field is absent.</summary>
    public bool OptionalBool(string field, bool defaultValue) =>
        Find(field) is { } value ? Bool(value, field) : defaultValue;

    /// <summary>A list of texts; empty if the field is absent.</summary>
    public IReadOnlyList<string> OptionalStrings(string field)
    {
        if (Find(field) is not { } value)
        {
            return [];
        }
        if (value.ValueKind != JsonValueKind.Array
            || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
        {
            throw Unexpected(field, value, "a list of texts");
        }
        return [.. value.EnumerateArray().Select(item => item.GetString()!)];
    }

    /// <summary>A list of numbers; empty if the field is absent.</summary>
    public IReadOnlyList<double> OptionalNumberList(string field) => Find(field) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } value => [.. value.EnumerateArray().Select(item => Double(item, field))],
        { } value => throw Unexpected(field, value, "a list of numbers"),
    };

    /// <summary>Whether a field holds a text.</summary>
    public bool IsText(string field) => Find(field) is { ValueKind: JsonValueKind.String };

    /// <summary>Numbers by name, in the order of the file; empty if the field is absent.</summary>
    public IReadOnlyDictionary<string, double> OptionalNumbers(string field)
    {
        if (Find(field) is not { } value)
        {
            return new OrderedDictionary<string, double>();
        }
        return value.ValueKind == JsonValueKind.Object
            ? new OrderedDictionary<string, double>(value.EnumerateObject().Select(
                entry => KeyValuePair.Create(entry.Name, Double(entry.Value, field))))
            : throw Unexpected(field, value, "an object of numbers");
    }

    /// <summary>The value of a field as the file spells it, shortened; empty if the field is absent.</summary>
    public string TextOf(string field) => Find(field) is { } value ? Shorten(value) : "";

    /// <summary>The error for a field whose value makes no sense.</summary>
    /// <param name="field">The field.</param>
    /// <param name="expected">What it may be.</param>
    public InvalidDataException Unexpected(string field, string expected) =>
        new($"{File}: the field '{field}' is {TextOf(field)}; expected {expected}.");

    /// <summary>The error for a number that is out of its range.</summary>
    /// <param name="field">The field.</param>
    /// <param name="value">The number, which may be one that the field has by default.</param>
    /// <param name="range">What it must be.</param>
    public static InvalidDataException OutOfRange(string field, double value, string range) => new(
        FormattableString.Invariant($"The configuration has {field} {value}; it must be {range}. Fetch the model's files again."));

    private static bool IsOn(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Any(field => IsOn(field.Value)),
        JsonValueKind.Array => value.EnumerateArray().Any(),
        JsonValueKind.Number => value.GetDouble() != 0,
        JsonValueKind.String => value.GetString()!.Length > 0,
        _ => value.ValueKind == JsonValueKind.True,
    };

    private static string Shorten(JsonElement value)
    {
        const int longest = 60;
        var text = value.GetRawText();
        return text.Length <= longest ? text : $"{text.AsSpan(0, longest)}...";
    }

    /// <summary>What kind of value a field has; undefined if it is absent.</summary>
    public JsonValueKind KindOf(string field) =>
        _root.TryGetProperty(field, out var value) ? value.ValueKind : JsonValueKind.Undefined;

    /// <summary>A group of settings; null if the field is absent.</summary>
    public ModelConfig? Section(string field) => Find(field) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } value => new ModelConfig($"{File}, '{field}'", value),
        { } value => throw Unexpected(field, value, "a group of settings"),
    };

    private JsonElement? Find(string field) =>
        _root.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private JsonElement Require(string field, string expected) => Find(field)
        ?? throw new InvalidDataException($"{File} has no field '{field}'; expected {expected}.");

    private int Int(JsonElement value, string field) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : throw Unexpected(field, value, "a whole number");

    private double Double(JsonElement value, string field) =>
        value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble())
            ? value.GetDouble()
            : throw Unexpected(field, value, "a number");

    private bool Bool(JsonElement value, string field) => value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? value.GetBoolean()
        : throw Unexpected(field, value, "true or false");

    private string String(JsonElement value, string field) => value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw Unexpected(field, value, "a text");

    private InvalidDataException Unexpected(string field, JsonElement value, string expected) =>
        new($"{File}: the field '{field}' is {Shorten(value)}; expected {expected}.");
}
