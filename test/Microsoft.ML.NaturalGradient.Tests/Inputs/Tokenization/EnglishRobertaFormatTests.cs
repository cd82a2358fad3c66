using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Models.NasBert;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>ML.NET's tokenizer against ML.NET's: its own class with its own files, out of the package Microsoft.ML.TorchSharp.</summary>
[TestClass]
public sealed class EnglishRobertaFormatTests
{
    private const int Sentences = 10_000;

    private static readonly string[] Names = ["encoder.json", "vocab.bpe", "dict.txt"];
    private static readonly string[] Words =
    [
        "the", "film", "Was", "really", "GOOD", "don't", "it's", "we're", "they've", "I'm", "she'll", "he'd", "Paris", "1984", "3.14", "50%", "$20", "C#", "naïve", "café",
        "Zürich", "ß", "æther", "½", "£5", "日本", "Москва", "🙂", "👩‍💻", "𝒳y", "a𝒳b", "e\u0301", "ﬁne", "\u00A0", "\u200B", "\u2003", "\u0085", "x_y", "http://a.b/c?d=e&f", "<mask>", "</s>", "<s>",
        "<|endoftext|>", "Supercalifragilisticexpialidocious", "zzzxqj", "...", "--", "\"", "'", "!", "#", "(", ")", "\"quoted\"", "'tis", "rock'n'roll", "\uD800", "\uDC00z", "²", "٣", "Ⅷ",
    ];

    private static readonly string[] Spaces = [" ", " ", " ", " ", "", "  ", "\t", "\n", "\r\n", "   "];

    private static readonly Dictionary<string, byte[]> Files = Names.ToDictionary(name => name, name =>
    {
        using var content = new MemoryStream();
        using var stream = MLNetReference.Resource(name);
        stream.CopyTo(content);
        return content.ToArray();
    });

    private static readonly Lazy<ITextTokenizer> NasBert = new(() => Create("NasBertTokenizer"));

    [TestMethod]
    public void Encode_TenThousandSentences_AreTheIdsThatMLNetFeeds()
    {
        var reference = MLNetReference.Tokenizer(name => new MemoryStream(Files[name]));
        var random = new Random(20);
        var lengths = new HashSet<int>();
        for (var i = 0; i < Sentences; i++)
        {
            var text = Sentence(random);

            var sequence = NasBert.Value.Encode(text, null, 512);

            CollectionAssert.AreEqual(MLNetReference.Ids(reference, text).Take(512).ToArray(), sequence.Ids, $"'{text}'");
            Assert.IsNull(sequence.TypeIds);
            lengths.Add(sequence.Ids.Length);
        }

        Assert.IsGreaterThan(30, lengths.Count);
    }

    [TestMethod]
    public void Encode_Pairs_AreTheIdsThatMLNetFeeds()
    {
        var reference = MLNetReference.Tokenizer(name => new MemoryStream(Files[name]));
        var random = new Random(21);
        for (var i = 0; i < 1000; i++)
        {
            var (first, second) = (Sentence(random), Sentence(random));

            CollectionAssert.AreEqual(MLNetReference.Ids(reference, first, second), NasBert.Value.Encode(first, second, 512).Ids, $"'{first}', '{second}'");
        }
    }

    [TestMethod]
    public void Encode_PiecesOfTheVocabulary_AreTheIdsThatMLNetFeeds()
    {
        var reference = MLNetReference.Tokenizer(name => new MemoryStream(Files[name]));
        foreach (var piece in reference.Vocabulary.Keys)
        {
            var text = piece.Replace('\u0120', ' ');

            CollectionAssert.AreEqual(MLNetReference.Ids(reference, text), NasBert.Value.Encode(text, null, 512).Ids, $"'{text}'");
        }
    }

    [TestMethod]
    public void Read_FilesOfMLNet_HaveItsVocabulary()
    {
        var reference = MLNetReference.Tokenizer(name => new MemoryStream(Files[name]));

        Assert.AreEqual(reference.SymbolsCount, NasBert.Value.VocabularySize);
        Assert.AreEqual(50265, NasBert.Value.VocabularySize);
        Assert.AreEqual(reference.PadIndex, NasBert.Value.PadId);
        Assert.AreEqual(512, NasBert.Value.MaxTokens);
    }

    [TestMethod]
    public void Encode_LongText_IsCutAtItsEndAsMLNetDoes()
    {
        var reference = MLNetReference.Tokenizer(name => new MemoryStream(Files[name]));
        var text = string.Concat(Enumerable.Repeat("the film was good. ", 5000));

        CollectionAssert.AreEqual(MLNetReference.Ids(reference, text).Take(512).ToArray(), NasBert.Value.Encode(text, null, 512).Ids);
    }

    [TestMethod]
    public void Encode_LongPair_TheLongerTextIsCutFirst()
    {
        var (first, second) = (string.Concat(Enumerable.Repeat("good ", 40)), "bad film");

        var ids = NasBert.Value.Encode(first, second, 20).Ids;

        Assert.HasCount(20, ids);
        CollectionAssert.AreEqual(NasBert.Value.Encode(second, null, 20).Ids[1..], ids[^2..]);
        Assert.AreEqual(2, ids[^3]);
    }

    [TestMethod]
    public void Encode_OneWordOfAMillionLetters_TakesNoTime()
    {
        Assert.HasCount(512, NasBert.Value.Encode(new string('q', 1_000_000), null, 512).Ids);
    }

    [TestMethod]
    public void Encode_TokenizerOfRoberta_TellsTheTextsApartAsMLNetDoes()
    {
        var tokenizer = Create("EnglishRobertaTokenizer");
        var reference = MLNetReference.Tokenizer(name => new MemoryStream(Files[name]));

        var pair = tokenizer.Encode("who was it", "it was me", 64);
        var single = tokenizer.Encode("who was it", null, 64);

        CollectionAssert.AreEqual(MLNetReference.Ids(reference, "who was it", "it was me"), pair.Ids);
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 0, 1, 1, 1 }, pair.TypeIds);
        CollectionAssert.AreEqual((int[])[.. MLNetReference.Ids(reference, "who was it"), 2], single.Ids);
        Assert.IsNull(single.TypeIds);
    }

    [TestMethod]
    [DataRow("dict.txt", "13 850314647 7\n", "Line 1 of dict.txt of the files, '13 850314647 7', is not a piece and a number")]
    [DataRow("dict.txt", "13 1\n262 many\n", "Line 2 of dict.txt of the files, '262 many'")]
    [DataRow("vocab.bpe", "#version: 0.2\na b c\n", "Line 2 of vocab.bpe of the files")]
    [DataRow("vocab.bpe", "#version: 0.2\nqqq zzz\n", "merge 1, 'qqq zzz', is not made of pieces of the vocabulary")]
    [DataRow("encoder.json", "{", "encoder.json of the files is not valid JSON")]
    [DataRow("encoder.json", """{ "a": 0 }""", "the vocabulary has no piece")]
    [DataRow("tokenizer_config.json", """{ "tokenizer_class": "BertTokenizer" }""", "asks for the tokenizer 'BertTokenizer'. Supported with these files: NasBertTokenizer")]
    [DataRow("tokenizer_config.json", "{ }", "no file says which tokenizer they belong to")]
    public void Read_DamagedFile_NamesItAndThePlace(string name, string content, string expected)
    {
        var files = new Dictionary<string, byte[]>(Files) { ["tokenizer_config.json"] = """{ "tokenizer_class": "NasBertTokenizer" }"""u8.ToArray() };
        files[name] = Encoding.UTF8.GetBytes(content);
        using var checkpoint = new MemoryCheckpointFiles(files, "the files");

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(checkpoint)).Message, expected);
    }

    private static ITextTokenizer Create(string name)
    {
        using var files = new MemoryCheckpointFiles(
            new Dictionary<string, byte[]>(Files)
            {
                ["tokenizer_config.json"] = Encoding.UTF8.GetBytes($$"""{ "tokenizer_class": "{{name}}", "model_max_length": 512 }"""),
            }, "the files");
        return TokenizerFactory.Create(files);
    }

    // Words of all kinds, and letters of every block below U+0250 now and then.
    private static string Sentence(Random random)
    {
        var text = new StringBuilder();
        for (var i = random.Next(30); i > 0; i--)
        {
            text.Append(random.Next(12) == 0 ? new string([.. Enumerable.Range(0, random.Next(9)).Select(_ => (char)random.Next(1, 0x250))]) : Words[random.Next(Words.Length)])
                .Append(Spaces[random.Next(Spaces.Length)]);
        }

        return text.ToString();
    }
}
