using System.Text.Json;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>The vocabulary of bert-base-uncased and reference ids made with it.</summary>
internal static class TokenizerFixtures
{
    private static readonly Lazy<byte[]> Vocabulary = new(() => File.ReadAllBytes(PathOf("minilm", "vocab.txt")));

    private static readonly Lazy<WordPieceTextTokenizer> SharedUncased = new(() => Create(new WordPieceSettings()));

    public static WordPieceTextTokenizer Uncased => SharedUncased.Value;

    public static byte[] VocabularyBytes => Vocabulary.Value;

    public static string PathOf(params string[] names) => Path.Combine([AppContext.BaseDirectory, "Fixtures", .. names]);

    public static WordPieceTextTokenizer Create(WordPieceSettings settings)
    {
        using var stream = new MemoryStream(VocabularyBytes);
        return new WordPieceTextTokenizer(new WordPieceVocabulary(stream, "the fixture"), settings);
    }

    public static IEnumerable<JsonElement> Lines(string name) =>
        File.ReadLines(PathOf("tokenization", name)).Select(line => JsonElement.Parse(line));

    public static int[] Integers(this JsonElement row, string name) =>
        [.. row.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];
}
