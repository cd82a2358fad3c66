using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Completes a tokenizer's files, so that Python makes of a text what was trained on.</summary>
internal static class TokenizerExport
{
    private const string ClassField = "tokenizer_class";
    private const string InputsField = "model_input_names";
    private const string PadField = "pad_token";

    // For every tokenizer that comes as a tokenizer.json; the name that transformers 5 gives it is not known to transformers 4.
    private const string Generic = "PreTrainedTokenizerFast";
    private const string GenericOfTransformers5 = "TokenizersBackend";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Reads the longest sequence.</summary>
    /// <param name="files">A folder that may have a tokenizer's files.</param>
    /// <returns>Most tokens; null where no file says so.</returns>
    public static int? ReadMaxTokens(CheckpointFiles files) =>
        files.Exists(TokenizerConfiguration.MainFile) ? new TokenizerConfiguration(files).MaxTokens : null;

    /// <summary>Refuses a tokenizer that Python does not have.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <exception cref="NotSupportedException">It is that of ML.NET's own models; the message says what to do.</exception>
    public static void CheckPythonHasIt(IReadOnlyDictionary<string, byte[]> files)
    {
        using var opened = new MemoryCheckpointFiles(files, "the pretrained model");
        if (new EnglishRobertaFormat().IsIn(opened))
        {
            throw new NotSupportedException(
                "The model reads texts with the tokenizer of ML.NET's own models, which no library of Python has. Save it with mlContext.Model.Save.");
        }
    }

    /// <summary>Completes the settings: longest sequence, class, token for padding, inputs.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <param name="maxTokens">Most tokens of a sequence.</param>
    /// <param name="usualClass">The class that counts where the files name none; null for the one of every tokenizer.json.</param>
    /// <param name="takesTypeIds">Whether Python's class of the model takes token types, which the generic tokenizer hands out.</param>
    /// <returns>Content of tokenizer_config.json; what the checkpoint's own says stays.</returns>
    public static byte[] Complete(IReadOnlyDictionary<string, byte[]> files, int maxTokens, string? usualClass, bool takesTypeIds)
    {
        using var opened = new MemoryCheckpointFiles(files, "the pretrained model");
        var settings = files.TryGetValue(TokenizerConfiguration.MainFile, out var content) ? JsonText.ParseObject(content, TokenizerConfiguration.MainFile) : [];
        settings["model_max_length"] = maxTokens;
        var before = new TokenizerConfiguration(opened, usualClass);
        settings[ClassField] = before.NamedClass switch
        {
            null => usualClass is not null && IsUsual(before.Family!, opened) ? usualClass : Generic,
            GenericOfTransformers5 => Generic,
            { } name => name,
        };
        if (opened.Exists(TokenizerJsonFormat.FileName))
        {
            NameDefaults(settings, opened);
        }

        if (settings[InputsField] is null && (!takesTypeIds || ((string?)settings[ClassField] == Generic && !before.HasTypeIds)))
        {
            settings[InputsField] = new JsonArray("input_ids", "attention_mask");
        }

        if (before.SpecialToken(PadField) is null && PadToken(opened, usualClass) is { } pad)
        {
            settings[PadField] = pad;
        }

        return JsonSerializer.SerializeToUtf8Bytes(settings, Indented);
    }

    /// <summary>Puts what other files say of a tokenizer into its <c>tokenizer.json</c>, for programs that read that alone.</summary>
    /// <param name="files">The small files of the checkpoint, <c>tokenizer.json</c> among them.</param>
    /// <param name="usualClass">As for <see cref="Complete"/>.</param>
    /// <returns>Content of the file; as it is where there is nothing to add.</returns>
    public static byte[] Gather(IReadOnlyDictionary<string, byte[]> files, string? usualClass)
    {
        using var opened = new MemoryCheckpointFiles(files, "the pretrained model");
        var recognised = ((TextTokenizer)TokenizerFactory.Create(opened, usualClass)).AddedTokens;
        var content = files[TokenizerJsonFormat.FileName];
        var definition = JsonText.ParseObject(content, TokenizerJsonFormat.FileName);
        var before = definition.DeepClone();
        var settings = new TokenizerConfiguration(opened, usualClass);
        if (settings is { Family.Name: not "PreTrained" } && Component(definition, "normalizer", "BertNormalizer") is { } normalizer)
        {
            Set(normalizer, "lowercase", settings.Flag("do_lower_case"));
            Set(normalizer, "strip_accents", settings.Flag("strip_accents"));
            Set(normalizer, "handle_chinese_chars", settings.Flag("tokenize_chinese_chars"));
        }

        if (Component(definition, "pre_tokenizer", "ByteLevel") is { } words)
        {
            Set(words, "add_prefix_space", settings.Flag("add_prefix_space"));
        }

        var listed = (definition["added_tokens"] as JsonArray)?.Select(token => token!.AsObject()).ToLookup(token => (string)token["content"]!, StringComparer.Ordinal);
        definition["added_tokens"] = new JsonArray([.. recognised.OrderBy(token => token.Id).Select(token =>
        {
            var described = TokenizerJsonWriter.Describe(token);
            if (listed?[token.Content].LastOrDefault() is { } known)
            {
                described["special"] = known["special"]?.DeepClone() ?? false;
            }

            return described;
        })]);
        return JsonNode.DeepEquals(before, definition) ? content : JsonSerializer.SerializeToUtf8Bytes(definition, TokenizerJsonWriter.Readable);

        static void Set(JsonObject component, string field, bool? value)
        {
            if (value is { } flag)
            {
                component[field] = flag;
            }
        }
    }

    private static JsonObject? Component(JsonObject definition, string field, string type) =>
        definition[field] is JsonObject component && (string?)component["type"] == type ? component : null;

    // Whether tokenizer.json, if there is one, has the kind of model that the class is known with.
    private static bool IsUsual(TokenizerFamily family, MemoryCheckpointFiles files) => !files.Exists(TokenizerJsonFormat.FileName)
        || (string?)JsonText.ParseObject(files.Read(TokenizerJsonFormat.FileName), TokenizerJsonFormat.FileName)["model"]?["type"] is not { } type
        || family.Models.Contains(type);

    // What the settings do not say, Python's classes take from themselves and not from tokenizer.json, whatever that says.
    private static void NameDefaults(JsonObject settings, MemoryCheckpointFiles files)
    {
        var definition = JsonText.ParseObject(files.Read(TokenizerJsonFormat.FileName), TokenizerJsonFormat.FileName);
        if (Component(definition, "normalizer", "BertNormalizer") is { } normalizer && (string?)settings[ClassField] != Generic)
        {
            Name("do_lower_case", normalizer["lowercase"] ?? true);
            Name("strip_accents", normalizer["strip_accents"]);
            Name("tokenize_chinese_chars", normalizer["handle_chinese_chars"] ?? true);
        }

        if (Component(definition, "pre_tokenizer", "ByteLevel") is { } words)
        {
            Name("add_prefix_space", words["add_prefix_space"] ?? true);
        }

        void Name(string field, JsonNode? value) => settings[field] ??= value?.DeepClone();
    }

    // Tokenizers with files of other kinds belong to classes that have a token for padding anyway.
    private static string? PadToken(MemoryCheckpointFiles files, string? usualClass)
    {
        if (!files.Exists(TokenizerJsonFormat.FileName))
        {
            return null;
        }

        var id = TokenizerFactory.Create(files, usualClass).PadId;
        using var document = JsonText.Parse(files, TokenizerJsonFormat.FileName, TokenizerJsonFormat.FileName);
        return document.RootElement.TryGetProperty("added_tokens", out var tokens) && tokens.ValueKind == JsonValueKind.Array
            ? tokens.EnumerateArray().Where(token => token.GetProperty("id").GetInt32() == id).Select(token => token.GetProperty("content").GetString()).FirstOrDefault()
            : null;
    }
}
