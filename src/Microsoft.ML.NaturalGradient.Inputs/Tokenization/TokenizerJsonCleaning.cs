using System.Text;
using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Reads the <c>normalizer</c> of a <c>tokenizer.json</c>.</summary>
internal static class TokenizerJsonCleaning
{
    private const int MostSteps = 100; // the most that a model is known to have are 6

    private const string Supported =
        "Sequence of at most 100 steps, BertNormalizer, Precompiled, Replace of a text or of two and more spaces, Lowercase, StripAccents, Strip, NFC, NFD, NFKC, NFKD";

    /// <summary>The steps of text cleaning.</summary>
    /// <param name="value">The component; <see langword="null"/> for none.</param>
    /// <param name="configuration">Settings that go before those of BERT's own normalizer, as in Python.</param>
    /// <param name="file">The file, in words for error messages.</param>
    /// <exception cref="InvalidDataException">A step is not supported.</exception>
    public static TextCleaning Read(JsonElement? value, TokenizerConfiguration configuration, string file)
    {
        if (value is not { } element)
        {
            return TextCleaning.None;
        }

        var component = new JsonComponent(element, $"normalizer in {file}");
        TextCleaning[] steps = [.. Steps(component, configuration).Take(MostSteps + 1)];
        return steps.Length <= MostSteps ? TextCleaning.Chain(steps) : throw component.Unsupported($"has more than {MostSteps} steps", Supported);
    }

    // Sequences within sequences in one row, so that what a text may grow to is the same for all steps. Python's settings do not reach into sequences.
    private static IEnumerable<TextCleaning> Steps(JsonComponent component, TokenizerConfiguration? configuration)
    {
        if (component.Type != "Sequence")
        {
            return [Step(component, configuration)];
        }

        var parts = component.Components("normalizers", "step");
        component.RefuseOthers();
        return parts.SelectMany(part => Steps(part, null));
    }

    private static TextCleaning Step(JsonComponent component, TokenizerConfiguration? configuration)
    {
        var step = component.Type switch
        {
            "BertNormalizer" => Bert(component, configuration),
            "Precompiled" => Precompiled(component),
            "Replace" => Replace(component),
            "Lowercase" => new TextCleaning(UnicodeText.Lower, worksInParts: true),
            "StripAccents" => new TextCleaning(UnicodeText.WithoutMarks, worksInParts: false),
            "Strip" => Strip(component.Flag("strip_left") ?? false, component.Flag("strip_right") ?? false),
            "NFC" => Form(NormalizationForm.FormC),
            "NFD" => Form(NormalizationForm.FormD),
            "NFKC" => Form(NormalizationForm.FormKC),
            "NFKD" => Form(NormalizationForm.FormKD),
            var type => throw component.Unsupported($"is of type '{type}'", Supported),
        };
        component.RefuseOthers();
        return step;
    }

    // Nothing composes with a space, and no letter becomes one.
    private static TextCleaning Form(NormalizationForm form) => new(UnicodeText.Normalizer(form), worksInParts: true);

    private static TextCleaning Bert(JsonComponent component, TokenizerConfiguration? configuration)
    {
        component.Only("clean_text", "true");
        var (lowercase, stripAccents, ideographs) =
            (component.Flag("lowercase") ?? true, component.Flag("strip_accents"), component.Flag("handle_chinese_chars") ?? true);
        if (configuration is { Family.Name: not "PreTrained" })
        {
            lowercase = configuration.Flag("do_lower_case") ?? lowercase;
            stripAccents = configuration.Flag("strip_accents") ?? stripAccents;
            ideographs = configuration.Flag("tokenize_chinese_chars") ?? ideographs;
        }

        return new BertNormalizer(lowercase, stripAccents ?? lowercase, ideographs).Cleaning;
    }

    private static TextCleaning Precompiled(JsonComponent component)
    {
        var text = component.Text("precompiled_charsmap") ?? string.Empty;
        var map = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, map, out var length))
        {
            throw component.Damaged("has a \"precompiled_charsmap\" that is not base64");
        }

        return length == 0
            ? TextCleaning.None
            : new CharacterMap(map.AsSpan(0, length), "tokenizer.json").Cleaning;
    }

    private static TextCleaning Replace(JsonComponent component)
    {
        var content = component.Text("content") ?? throw component.Damaged("has no \"content\"");
        var pattern = component.Require("pattern");
        if (Pattern(pattern, "String") is { Length: > 0 } literal)
        {
            return new TextCleaning((original, most) => TextSteps.Replace(original, literal, content, most), WorksInParts: false);
        }

        return Pattern(pattern, "Regex") == " {2,}"
            ? new TextCleaning((original, most) => TextSteps.ReplaceSpaceRuns(original, content, most), WorksInParts: false)
            : throw component.Unsupported($"replaces the pattern {pattern.GetRawText()}", "a text, or the expression \" {2,}\"");
    }

    private static string? Pattern(JsonElement pattern, string kind) =>
        pattern.ValueKind == JsonValueKind.Object && pattern.TryGetProperty(kind, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static TextCleaning Strip(bool left, bool right) => (left, right) switch
    {
        (true, true) => new(text => text.Trim(), worksInParts: false),
        (true, false) => new(text => text.TrimStart(), worksInParts: false),
        (false, true) => new(text => text.TrimEnd(), worksInParts: false),
        _ => TextCleaning.None,
    };
}
