using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Reads the JSON files of checkpoints, as people's editors leave them.</summary>
/// <remarks>
/// A byte-order mark, comments and trailing commas are passed over, and of a key that is there twice the last counts, as in Python. What is
/// returned has none of them, so that whatever was read can be written again, and every text in it is Unicode. Values nest 64 deep at most, and a
/// document of brackets and little else is refused, since it would take far more memory than its file.
/// </remarks>
internal static class JsonText
{
    private const int MostTokens = 25_000_000; // values, names, brackets; each takes 12 bytes, however short it is

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };
    private static readonly JsonDocumentOptions Tolerant = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a file.</summary>
    /// <param name="content">Its bytes; used in place by the result.</param>
    /// <param name="file">The file, in words that begin the message.</param>
    /// <returns>The document; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">It is no JSON, or has far more values than any file of a model.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> content, string file)
    {
        var text = WithoutMark(content);
        try
        {
            return TryParse(text) ?? JsonDocument.Parse(Plain(text));
        }
        // A key that is no Unicode, such as "\ud800", is reported by InvalidOperationException.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{file} is not valid JSON: {e.Message.TrimEnd('.')}. Fetch the model's files again.", e);
        }
    }

    /// <summary>Reads a file of a checkpoint.</summary>
    /// <inheritdoc cref="Parse(ReadOnlyMemory{byte}, string)"/>
    /// <param name="files">The checkpoint.</param>
    /// <param name="name">Name of the file.</param>
    /// <param name="file">The file, in words that begin the message.</param>
    public static JsonDocument Parse(CheckpointFiles files, string name, string file) => Parse(files.Read(name), file);

    /// <summary>Reads a file that is one object, to change it.</summary>
    /// <inheritdoc cref="Parse(ReadOnlyMemory{byte}, string)"/>
    public static JsonObject ParseObject(ReadOnlyMemory<byte> content, string file)
    {
        using var document = Parse(content, file);
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? JsonObject.Create(document.RootElement.Clone())!
            : throw new InvalidDataException($"{file} is not a JSON object. Fetch the model's files again.");
    }

    /// <summary>The same content as other programs read it: without what only <see cref="Parse(ReadOnlyMemory{byte}, string)"/> allows.</summary>
    /// <param name="content">UTF-8 text; returned where there is nothing to change, or where it is no JSON at all.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Clean(byte[] content)
    {
        var text = WithoutMark(content);
        try
        {
            using var strict = TryParse(text);
            return strict is null ? Plain(text) : text.Length == content.Length ? content : text.ToArray();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return content; // of a file that nobody has read so far
        }
    }

    private static ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> content) =>
        content.Span.StartsWith("\uFEFF"u8) ? content["\uFEFF"u8.Length..] : content;

    private static JsonDocument? TryParse(ReadOnlyMemory<byte> text)
    {
        CheckTexts(text.Span);
        try
        {
            return JsonDocument.Parse(text, Strict);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // A document would report texts that are no Unicode only when they are asked for.
    private static void CheckTexts(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
        {
            throw new JsonException("it is not UTF-8 text");
        }

        if (text.IndexOf("\\u"u8) < 0 && text.Length <= MostTokens)
        {
            return;
        }

        var reader = new Utf8JsonReader(text, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        for (var tokens = 1; reader.Read(); tokens++)
        {
            if (tokens > MostTokens)
            {
                throw new JsonException(FormattableString.Invariant($"it has more than {MostTokens} values, which no file of a model has"));
            }

            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                _ = reader.GetString();
            }
        }
    }

    private static byte[] Plain(ReadOnlyMemory<byte> text)
    {
        using var document = JsonDocument.Parse(text, Tolerant);
        var buffer = new ArrayBufferWriter<byte>(text.Length);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed))
        {
            Write(document.RootElement, writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(JsonElement element, Utf8JsonWriter writer)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var values = new OrderedDictionary<string, JsonElement>(StringComparer.Ordinal);
                foreach (var property in element.EnumerateObject())
                {
                    values[property.Name] = property.Value;
                }

                writer.WriteStartObject();
                foreach (var (name, value) in values)
                {
                    writer.WritePropertyName(name);
                    Write(value, writer);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                {
                    Write(item, writer);
                }

                writer.WriteEndArray();
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }
}
