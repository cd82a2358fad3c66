using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What a folder with an adapter says about the classifier, which PEFT's files have no place for.</summary>
/// <param name="ClassNames">Names of the classes in the order of the outputs; null where they are not told.</param>
/// <param name="TextToText">How a text-to-text model is asked.</param>
/// <param name="Predictions">How outputs become predictions.</param>
/// <param name="LayerCount">Layers of the base that the adapter was trained on; null where they are not told.</param>
internal sealed record ClassifierNotes(IReadOnlyList<string>? ClassNames, TextToTextSettings TextToText, PredictionNotes Predictions, int? LayerCount)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "classifier.json";

    private const string LayersField = "base_layers";
    private const string NamesField = "id2label";
    private const string PromptField = "prompt";
    private const string WordsField = "label_words";

    // Class names stay readable; the file is never part of a page.
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads the file.</summary>
    /// <param name="files">The adapter's folder.</param>
    /// <returns>The notes; empty where there is no such file.</returns>
    /// <exception cref="InvalidDataException">The file is damaged; the message names file and field.</exception>
    public static ClassifierNotes Read(CheckpointFiles files)
    {
        if (!files.Exists(FileName))
        {
            return new ClassifierNotes(null, TextToTextSettings.None, PredictionNotes.None, null);
        }

        var config = ModelConfig.Read(files, FileName);
        return new ClassifierNotes(ClassifierConfig.ReadClasses(files.Read(FileName)), ReadTextToText(config), PredictionNotes.Read(config),
            config.OptionalInt(LayersField, 0) is > 0 and var layers ? layers : null);
    }

    /// <summary>Reads how a text-to-text model is asked.</summary>
    /// <param name="config">The settings that <see cref="Describe"/> wrote.</param>
    /// <exception cref="InvalidDataException">A field is malformed; the message names it.</exception>
    public static TextToTextSettings ReadTextToText(ModelConfig config)
    {
        var words = config.OptionalStrings(WordsField);
        try
        {
            return new TextToTextSettings(
                config.OptionalString(PromptField, null) is { } prompt ? new PromptTemplate(prompt) : null, words.Count > 0 ? words : null);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{config.File}: the field '{PromptField}' is no prompt. {e.Message}", e);
        }
    }

    /// <summary>Writes how a text-to-text model is asked, and how outputs become predictions.</summary>
    /// <param name="settings">How it is asked.</param>
    /// <param name="predictions">How outputs become predictions.</param>
    /// <returns>A group of fields; empty where nothing is said.</returns>
    public static JsonObject Describe(TextToTextSettings settings, PredictionNotes predictions)
    {
        var fields = new JsonObject();
        if (settings.Prompt is { } prompt)
        {
            fields[PromptField] = prompt.Text;
        }

        if (settings.LabelWords is { } words)
        {
            fields[WordsField] = new JsonArray([.. words.Select(word => JsonValue.Create(word))]);
        }

        predictions.AddTo(fields);
        return fields;
    }

    /// <summary>Writes the file.</summary>
    /// <returns>UTF-8 text.</returns>
    public byte[] Write()
    {
        var fields = Describe(TextToText, Predictions);
        fields[LayersField] = LayerCount;
        fields[NamesField] = ClassifierConfig.NamesById(ClassNames ?? []);
        return JsonSerializer.SerializeToUtf8Bytes(fields, Indented);
    }
}
