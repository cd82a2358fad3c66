using System.Text.Json.Nodes;
using static Microsoft.ML.NaturalGradient.Tokenization.TokenizerJsonWriter;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A step of cleaning of SentencePiece's tokenizers, as code and as <c>tokenizer.json</c> has it.</summary>
/// <param name="Cleaning">The code.</param>
/// <param name="Json">The description.</param>
internal sealed record CleaningStep(TextCleaning Cleaning, JsonObject Json)
{
    /// <summary>Small letters.</summary>
    public static CleaningStep Lower => Of(UnicodeText.Lower, Component("Lowercase"));

    /// <summary>Letters and marks apart, compatible forms replaced.</summary>
    public static CleaningStep Decomposed => Of(UnicodeText.Normalizer(System.Text.NormalizationForm.FormKD), Component("NFKD"));

    /// <summary>Without marks such as accents.</summary>
    public static CleaningStep WithoutMarks => Of(UnicodeText.WithoutMarks, Component("StripAccents"));

    /// <summary>Without white space at the ends.</summary>
    public static CleaningStep Trimmed => Of(text => text.Trim(), Component("Strip", ("strip_left", true), ("strip_right", true)));

    /// <summary>Without white space at the end.</summary>
    public static CleaningStep TrimmedAtEnd => Of(text => text.TrimEnd(), Component("Strip", ("strip_left", false), ("strip_right", true)));

    /// <summary>One text in place of another.</summary>
    public static CleaningStep Replaced(string text, string by) => Of(
        whole => whole.Replace(text, by, StringComparison.Ordinal), Component("Replace", ("pattern", new JsonObject { ["String"] = text }), ("content", by)));

    /// <summary>One text in place of two and more spaces.</summary>
    public static CleaningStep SpacesReplaced(string by) => Of(
        text => TextSteps.ReplaceSpaceRuns(text, by), Component("Replace", ("pattern", new JsonObject { ["Regex"] = " {2,}" }), ("content", by)));

    /// <summary>What a model's own map of characters does; nothing where it is empty.</summary>
    /// <param name="map">The map.</param>
    /// <param name="description">The file, in words for error messages.</param>
    public static IEnumerable<CleaningStep> Mapped(byte[] map, string description) => map.Length == 0
        ? [] : [new(new CharacterMap(map, description).Cleaning, Component("Precompiled", ("precompiled_charsmap", Convert.ToBase64String(map))))];

    private static CleaningStep Of(Func<string, string> apply, JsonObject json) => new(new TextCleaning(apply, worksInParts: false), json);
}
