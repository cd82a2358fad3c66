using System.Globalization;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Settings of a checkpoint's tokenizer: <c>tokenizer_config.json</c> and what older checkpoints keep beside it.</summary>
/// <remarks>Every file and every key may be missing.</remarks>
internal sealed class TokenizerConfiguration
{
    /// <summary>Name of the file with most settings.</summary>
    public const string MainFile = "tokenizer_config.json";

    /// <summary>The setting that says where long texts are cut.</summary>
    public const string TruncationSide = "truncation_side";

    private const string ClassField = "tokenizer_class";
    private const string SpecialTokensFile = "special_tokens_map.json";
    private const string AddedTokensFile = "added_tokens.json";
    private const int MostTokens = 1_000_000;

    private readonly Dictionary<string, JsonElement> _main;
    private readonly Dictionary<string, JsonElement> _specialTokens;
    private readonly string _description;

    /// <summary>Reads the files that are there.</summary>
    /// <param name="files">The checkpoint; not kept.</param>
    /// <param name="usualClass">The <c>tokenizer_class</c> that counts where no file names one; null for none.</param>
    /// <exception cref="InvalidDataException">A file is not a JSON object, or a value has the wrong type.</exception>
    public TokenizerConfiguration(CheckpointFiles files, string? usualClass = null)
    {
        _description = files.Description;
        _main = ReadObject(files, MainFile);
        _specialTokens = ReadObject(files, SpecialTokensFile);
        AddedTokens = ReadAddedTokens(ReadObject(files, AddedTokensFile));
        FurtherSpecialTokens = [.. ReadFurther(_main, MainFile).Concat(ReadFurther(_specialTokens, SpecialTokensFile)).DistinctBy(token => token.Content, StringComparer.Ordinal)];
        NamedClass = Text(ClassField) ?? (Find(ReadObject(files, CheckpointFiles.ConfigName), ClassField) is { } value ? AsText(value, CheckpointFiles.ConfigName, ClassField) : null);
        Family = TokenizerFamily.Find(NamedClass ?? usualClass);
        CheckTruncation();
    }

    /// <summary>Tokens that the checkpoint's maker listed beside the vocabulary.</summary>
    public IReadOnlyCollection<AddedToken> AddedTokens { get; }

    /// <summary>Special tokens that have no role, without their ids; the vocabulary may have them or not.</summary>
    public IReadOnlyList<AddedToken> FurtherSpecialTokens { get; }

    /// <summary>The class that a file names; <see langword="null"/> when none does. Older checkpoints have it in <c>config.json</c>.</summary>
    public string? NamedClass { get; }

    /// <summary>The kind of tokenizer that the checkpoint asks for; <see langword="null"/> when no file says.</summary>
    public TokenizerFamily? Family { get; }

    /// <summary>Most tokens of a sequence; <see langword="null"/> when missing, or so large that it stands for no limit.</summary>
    /// <remarks>The oldest checkpoints call it <c>max_len</c>.</remarks>
    public int? MaxTokens =>
        Find(_main, _main.ContainsKey("model_max_length") ? "model_max_length" : "max_len") is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out var length) && length is >= 1 and <= MostTokens
            ? (int)length
            : null;

    /// <summary>Whether the encoder wants to know which text of a pair a token is from.</summary>
    public bool HasTypeIds => Find(_main, "model_input_names") is { ValueKind: JsonValueKind.Array } names
        ? names.EnumerateArray().Any(name => name.ValueKind == JsonValueKind.String && name.ValueEquals("token_type_ids"))
        : Family?.HasTypeIds ?? true;

    /// <summary>A true-or-false setting; <see langword="null"/> when missing.</summary>
    public bool? Flag(string key) => Find(_main, key) is not { } value
        ? null
        : value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw WrongValue(MainFile, key, value, "true or false"),
        };

    /// <summary>A text setting; <see langword="null"/> when missing.</summary>
    public string? Text(string key) => Find(_main, key) is { } value ? AsText(value, MainFile, key) : null;

    /// <summary>A whole number that is not negative; <see langword="null"/> when missing.</summary>
    public int? Count(string key) => Find(_main, key) is not { } value
        ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count is >= 0 and <= MostTokens
            ? count
            : throw WrongValue(MainFile, key, value, "a whole number from 0 to a million");

    /// <summary>A special token, without its id; <see langword="null"/> when missing.</summary>
    /// <param name="key">Its role, for example <c>cls_token</c>.</param>
    public AddedToken? SpecialToken(string key)
    {
        if (Find(_main, key) is { } value)
        {
            return AsToken(value, MainFile, key);
        }

        return Find(_specialTokens, key) is { } older ? AsToken(older, SpecialTokensFile, key) : null;
    }

    private void CheckTruncation()
    {
        if (Text(TruncationSide) is { } side && side != "right")
        {
            throw new InvalidDataException(
                $"tokenizer_config.json of {_description} cuts long texts at the {side} (truncation_side). Only \"right\" is supported; choose such a model, or change the file.");
        }
    }

    private static JsonElement? Find(Dictionary<string, JsonElement> settings, string key) =>
        settings.TryGetValue(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private Dictionary<string, JsonElement> ReadObject(CheckpointFiles files, string name)
    {
        if (!files.Exists(name))
        {
            return [];
        }

        using var document = JsonText.Parse(files, name, $"{name} of {_description}");
        return document.RootElement.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.Object => document.RootElement.Clone().EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value, StringComparer.Ordinal),
            _ => throw new InvalidDataException($"{name} of {_description} is not a JSON object. Download the file again."),
        };
    }

    // Newer checkpoints keep {"100": {"content": "[UNK]", ...}} in the main file, older ones {"[UNK]": 100} in a file of its own.
    private Dictionary<string, AddedToken>.ValueCollection ReadAddedTokens(Dictionary<string, JsonElement> older)
    {
        const string key = "added_tokens_decoder";
        var tokens = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var (token, value) in older)
        {
            tokens[token] = value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id >= 0
                ? new AddedToken(token, id)
                : throw WrongValue(AddedTokensFile, token, value, "a whole number from 0");
        }

        if (Find(_main, key) is { } entries)
        {
            if (entries.ValueKind != JsonValueKind.Object)
            {
                throw WrongValue(MainFile, key, entries, "an object");
            }

            foreach (var entry in entries.EnumerateObject())
            {
                var token = AsToken(entry.Value, MainFile, key);
                tokens[token.Content] = int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                    ? token with { Id = id }
                    : throw WrongValue(MainFile, key, entries, "an object whose keys are ids");
            }
        }

        return tokens.Values;
    }

    private List<AddedToken> ReadFurther(Dictionary<string, JsonElement> settings, string file)
    {
        const string key = "additional_special_tokens";
        return Find(settings, key) switch
        {
            null => [],
            { ValueKind: JsonValueKind.Array } tokens => [.. tokens.EnumerateArray().Select(token => AsToken(token, file, key))],
            { } value => throw WrongValue(file, key, value, "a list of tokens"),
        };
    }

    private AddedToken AsToken(JsonElement value, string file, string key) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content)
            ? AddedTokenReader.Flags(new AddedToken(AsText(content, file, key)), value, $"the token {content.GetRawText()} in {file} of {_description}")
            : new AddedToken(AsText(value, file, key));

    private string AsText(JsonElement value, string file, string key) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw WrongValue(file, key, value, "a text that is not empty");

    private InvalidDataException WrongValue(string file, string key, JsonElement value, string expected) => new(
        $"\"{key}\" in {file} of {_description} is {value.GetRawText()} but should be {expected}. Correct the file.");
}
