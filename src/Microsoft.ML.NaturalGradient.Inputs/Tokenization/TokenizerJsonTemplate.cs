using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Reads the <c>post_processor</c> of a <c>tokenizer.json</c>: the special tokens around texts.</summary>
/// <param name="tokens">Tokens and their ids.</param>
/// <param name="file">The file, in words for error messages.</param>
internal sealed class TokenizerJsonTemplate(AddedTokenTable tokens, string file)
{
    private const string Supported = "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, or a Sequence of ByteLevel and one of them";

    /// <summary>The layout.</summary>
    /// <param name="value">The component; <see langword="null"/> for no special tokens.</param>
    /// <exception cref="InvalidDataException">The component is not supported or names tokens that are not there.</exception>
    public SequenceTemplate Read(JsonElement? value) =>
        value is { } component ? Read(new JsonComponent(component, $"post_processor in {file}")) : SequenceTemplate.Bare;

    private SequenceTemplate Read(JsonComponent component)
    {
        var template = component.Type switch
        {
            "TemplateProcessing" => new SequenceTemplate(
                Parts(component, "single", pair: false), Parts(component.Ignore("special_tokens"), "pair", pair: true)),
            "BertProcessing" => SequenceTemplate.Bert(Token(component, "cls"), Token(component, "sep")),
            "RobertaProcessing" => SequenceTemplate.Roberta(Token(component, "cls"), Token(component, "sep")),
            "ByteLevel" => SequenceTemplate.Bare,
            "Sequence" => Sequence(component),
            var type => throw component.Unsupported($"is of type '{type}'", Supported),
        };
        component.Ignore("add_prefix_space", "trim_offsets", "use_regex").RefuseOthers(); // places in the text only
        return template;
    }

    private SequenceTemplate Sequence(JsonComponent component)
    {
        var parts = component.Components("processors", "component").Where(part => part.Type != "ByteLevel").ToArray();
        return parts.Length switch
        {
            0 => SequenceTemplate.Bare,
            1 => Read(parts[0]),
            _ => throw component.Unsupported($"joins {string.Join(", ", parts.Select(part => part.Type))}", Supported),
        };
    }

    // ["[SEP]", 102]
    private int Token(JsonComponent component, string key)
    {
        var pair = component.Require(key);
        return pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2 && pair[0].ValueKind == JsonValueKind.String
            ? Checked(component, pair[0].GetString()!, pair[1])
            : throw component.Damaged($"has {pair.GetRawText()} as \"{key}\", which should be a token and its id");
    }

    private int Checked(JsonComponent component, string token, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && tokens.TryFind(token, out var known) && known == id
            ? id
            : throw component.Damaged($"uses the token '{token}' with id {value.GetRawText()}, which is not in the vocabulary");

    private List<TemplatePart> Parts(JsonComponent component, string key, bool pair)
    {
        var parts = new List<TemplatePart>();
        foreach (var part in component.Components(key, $"{key} place"))
        {
            if (part.Find("Sequence") is { } text)
            {
                var sequence = new JsonComponent(text, $"\"Sequence\" of the post_processor in {file}");
                var slot = sequence.Text("id") switch
                {
                    "A" => TemplateSlot.First,
                    "B" => TemplateSlot.Second,
                    _ => throw sequence.Damaged("has an \"id\" other than A and B"),
                };
                parts.Add(new TemplatePart(slot, 0, sequence.Integer("type_id") ?? 0));
            }
            else
            {
                var special = new JsonComponent(part.Require("SpecialToken"), $"\"SpecialToken\" of the post_processor in {file}");
                var name = special.Text("id") ?? throw special.Damaged("has no \"id\"");
                parts.AddRange(Ids(component, name).Select(id => new TemplatePart(TemplateSlot.Token, id, special.Integer("type_id") ?? 0)));
            }
        }

        return parts.Count(part => part.Slot == TemplateSlot.First) == 1 && parts.Count(part => part.Slot == TemplateSlot.Second) == (pair ? 1 : 0)
            ? parts
            : throw component.Damaged($"does not have each text once in \"{key}\"");
    }

    private int[] Ids(JsonComponent component, string name)
    {
        var all = new JsonComponent(component.Require("special_tokens"), $"\"special_tokens\" of the post_processor in {file}");
        var token = new JsonComponent(all.Require(name), $"token '{name}' of the post_processor in {file}");
        var ids = token.Items("ids").ToArray();
        var spellings = token.Items("tokens").ToArray();
        return ids.Length > 0 && ids.Length == spellings.Length && spellings.All(spelling => spelling.ValueKind == JsonValueKind.String)
            ? [.. ids.Select((id, n) => Checked(component, spellings[n].GetString()!, id))]
            : throw token.Damaged("does not have as many \"ids\" as \"tokens\"");
    }
}
