using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Settings of a checkpoint's tokenizer: <c>tokenizer_config.json</c> and what older checkpoints keep beside it.</summary>
/// <remarks>Every file and every key may be missing.</remarks>
internal sealed class TokenizerConfiguration
{
    private const string MainFile = "tokenizer_config.json";
    private const string SpecialTokensFile = "special_tokens_map.json";
    private const string AddedTokensFile = "added_tokens.json";

    private readonly Dictionary<string, JsonElement> _main;
    private readonly Dictionary<string, JsonElement> _specialTokens;
    private readonly string _description;

    /// <summary>Reads the files that are there.</summary>
    /// <param name="files">The checkpoint; not kept.</param>
    /// <exception cref="InvalidDataException">A file is not a JSON object, or a value has the wrong type.</exception>
    public TokenizerConfiguration(CheckpointFiles files)
    {
        _description = files.Description;
        _main = ReadObject(files, MainFile);
        _specialTokens = ReadObject(files, SpecialTokensFile);
        AddedTokens = ReadAddedTokens(ReadObject(files, AddedTokensFile));
    }

    /// <summary>Tokens that the checkpoint's maker listed beside the vocabulary, and their ids.</summary>
    public IReadOnlyDictionary<string, int> AddedTokens { get; }

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

    /// <summary>The spelling of a special token; <see langword="null"/> when missing.</summary>
    /// <param name="key">Its role, for example <c>cls_token</c>.</param>
    public string? SpecialToken(string key)
    {
        if (Find(_main, key) is { } value)
        {
            return AsToken(value, MainFile, key);
        }

        return Find(_specialTokens, key) is { } older ? AsToken(older, SpecialTokensFile, key) : null;
    }

    private static JsonElement? Find(Dictionary<string, JsonElement> settings, string key) =>
        settings.TryGetValue(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private Dictionary<string, JsonElement> ReadObject(CheckpointFiles files, string name)
    {
        if (!files.Exists(name))
        {
            return [];
        }

        using var stream = files.Open(name);
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(stream) ?? [];
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException(
                $"{name} of {_description} is not a JSON object: {exception.Message} Download the file again.", exception);
        }
    }

    // Newer checkpoints keep {"100": {"content": "[UNK]", ...}} in the main file, older ones {"[UNK]": 100} in a file of its own.
    private Dictionary<string, int> ReadAddedTokens(Dictionary<string, JsonElement> older)
    {
        const string key = "added_tokens_decoder";
        var tokens = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (token, value) in older)
        {
            tokens[token] = value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id)
                ? id
                : throw WrongValue(AddedTokensFile, token, value, "a whole number");
        }

        if (Find(_main, key) is { } entries)
        {
            if (entries.ValueKind != JsonValueKind.Object)
            {
                throw WrongValue(MainFile, key, entries, "an object");
            }

            foreach (var entry in entries.EnumerateObject())
            {
                tokens[AsToken(entry.Value, MainFile, key)] = int.TryParse(entry.Name, out var id)
                    ? id
                    : throw WrongValue(MainFile, key, entries, "an object whose keys are ids");
            }
        }

        return tokens;
    }

    private string AsToken(JsonElement value, string file, string key) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content)
            ? AsText(content, file, key)
            : AsText(value, file, key);

    private string AsText(JsonElement value, string file, string key) =>
        value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : throw WrongValue(file, key, value, "a text that is not empty");

    private InvalidDataException WrongValue(string file, string key, JsonElement value, string expected) => new(
        $"\"{key}\" in {file} of {_description} is {value.GetRawText()} but should be {expected}. Correct the file.");
}
