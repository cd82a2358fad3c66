using Microsoft.ML.NaturalGradient.Tests.Tokenization;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>The tiny reference T5 with a vocabulary of 50 pieces: words of the tiny rows, and single letters.</summary>
internal static class TinyT5
{
    private static readonly string[] Words =
    [
        "good", "great", "fine", "nice", "lovely", "bad", "poor", "dull", "ugly", "awful", "the", "was", "film", "book", "song", "sentence", "yes", "no",
    ];

    private static readonly Lazy<string> LazyFolder = new(CreateFolder);

    /// <summary>Folder of the model.</summary>
    public static string Folder => LazyFolder.Value;

    public static PretrainedModel Model => PretrainedModel.FromFolder(Folder);

    private static string CreateFolder()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "TinyT5");
        Directory.CreateDirectory(folder);
        foreach (var file in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders", "t5", file), Path.Combine(folder, file), overwrite: true);
        }

        var pieces = new List<(string, float, SentencePieceKind)>
        {
            ("<pad>", 0, SentencePieceKind.Control), ("</s>", 0, SentencePieceKind.Control), ("<unk>", 0, SentencePieceKind.Unknown), ("\u2581", -3, SentencePieceKind.Normal),
        };
        pieces.AddRange(Words.Select(word => ("\u2581" + word, -1f, SentencePieceKind.Normal)));
        pieces.AddRange("abcdefghijklmnopqrstuvwxyz:".Select(letter => (letter.ToString(), -5f, SentencePieceKind.Normal)));
        File.WriteAllBytes(Path.Combine(folder, "spiece.model"), TokenizerFixtures.ModelFile(pieces, trainer => TokenizerFixtures.WriteVarint(trainer, 40, 2), _ => { }));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{ "tokenizer_class": "T5Tokenizer", "extra_ids": 0, "model_max_length": 512 }""");
        return folder;
    }
}
