using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Stress;

/// <summary>The random models of two layers that the tests have, for which a call takes a millisecond, with tokenizers made here.</summary>
internal static class TinyModels
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz";

    /// <summary>A BERT that reads letters.</summary>
    public static PretrainedModel Bert() => PretrainedModel.FromFolder(Folder(
        "bert",
        ("vocab.txt", string.Join('\n', ((string[])["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]).Concat(Letters.Select(letter => $"{letter}")).Concat(Letters.Select(letter => $"##{letter}")))),
        ("tokenizer_config.json", """{ "do_lower_case": true, "tokenizer_class": "BertTokenizer" }""")));

    /// <summary>A T5 that reads letters.</summary>
    public static PretrainedModel T5()
    {
        object[][] vocabulary =
        [
            ["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["\u2581", -3], ["\u2581yes", -1], ["\u2581no", -1], .. Letters.Select(letter => new object[] { $"{letter}", -5 }),
        ];
        return PretrainedModel.FromFolder(Folder(
            "t5",
            ("tokenizer_config.json", """{ "tokenizer_class": "T5Tokenizer", "extra_ids": 0, "model_max_length": 512 }"""),
            ("tokenizer.json", $$"""
                {
                  "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
                  "pre_tokenizer": { "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true },
                  "post_processor": {
                    "type": "TemplateProcessing",
                    "single": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "SpecialToken": { "id": "</s>", "type_id": 0 } }],
                    "pair": [
                      { "Sequence": { "id": "A", "type_id": 0 } }, { "SpecialToken": { "id": "</s>", "type_id": 0 } },
                      { "Sequence": { "id": "B", "type_id": 0 } }, { "SpecialToken": { "id": "</s>", "type_id": 0 } }],
                    "special_tokens": { "</s>": { "id": "</s>", "ids": [1], "tokens": ["</s>"] } }
                  },
                  "decoder": null,
                  "model": { "type": "Unigram", "unk_id": 2, "vocab": {{JsonSerializer.Serialize(vocabulary)}}, "byte_fallback": false }
                }
                """)));
    }

    /// <summary>A ViT for pictures of 24 × 24 pixels.</summary>
    public static PretrainedModel ViT() => PretrainedModel.FromFolder(Folder(
        "vit",
        ("preprocessor_config.json", """{ "image_processor_type": "ViTImageProcessor", "size": { "height": 24, "width": 24 }, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2 }""")));

    private static string Folder(string name, params (string Name, string Text)[] files)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "encoders", name);
        foreach (var (file, text) in files)
        {
            File.WriteAllText(Path.Combine(folder, file), text);
        }

        return folder;
    }
}
