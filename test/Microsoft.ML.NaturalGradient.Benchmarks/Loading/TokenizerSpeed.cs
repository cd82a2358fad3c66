using System.Diagnostics;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Loading;

/// <summary>Strings per second of each kind of tokenizer, on sentences of SST-2.</summary>
internal static class TokenizerSpeed
{
    private const int Count = 20_000;

    private static readonly (string Name, string Folder)[] Tokenizers =
    [
        ("WordPiece (BERT)", "bert-base-uncased"), ("byte-level BPE (RoBERTa)", "roberta-base"), ("unigram (T5 layout)", "unigram-t5layout-8k"),
    ];

    /// <summary>Measures and prints a table.</summary>
    /// <param name="folder">Folder with <c>glue/SST-2/train.tsv</c> and <c>tokenizers/</c>.</param>
    public static void Run(string folder)
    {
        var texts = File.ReadLines(Path.Combine(folder, "glue", "SST-2", "train.tsv")).Skip(1).Take(Count)
            .Select(line => line.Split('\t')[0]).ToArray();
        Console.WriteLine("| tokenizer | first pass, strings/s | again, strings/s |\n|---|---|---|");
        foreach (var (name, subfolder) in Tokenizers)
        {
            using var files = new FolderCheckpointFiles(Path.Combine(folder, "tokenizers", subfolder));
            var tokenizer = TokenizerFactory.Create(files);
            tokenizer.Encode("warm", null, 256);
            Console.WriteLine($"| {name} | {Rate(tokenizer, texts):N0} | {Rate(tokenizer, texts):N0} |");
        }
    }

    private static double Rate(ITextTokenizer tokenizer, string[] texts)
    {
        var watch = Stopwatch.StartNew();
        foreach (var text in texts)
        {
            tokenizer.Encode(text, null, 256);
        }

        return texts.Length / watch.Elapsed.TotalSeconds;
    }
}
