using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class BytePairFormatTests
{
    private const string Roberta = """{"tokenizer_class": "RobertaTokenizer", "model_max_length": 512}""";

    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.Char.Select(c => c.ToString()), TokenizerFixtures.OneOf("<mask>", " ", "the", "\n", "\uD83D", "\uDE00", "'s")).Array[0, 30].Select(string.Concat);

    [TestMethod]
    public void Read_RobertaFiles_HasItsProperties()
    {
        var tokenizer = Read(Roberta);

        Assert.AreEqual((1761, 1, 512), (tokenizer.VocabularySize, tokenizer.PadId, tokenizer.MaxTokens));
        Assert.IsNull(tokenizer.Encode("one", "two", 16).TypeIds);
        Assert.AreEqual("0,2,2,2", tokenizer.Ids("", ""));
    }

    [TestMethod]
    public void Encode_AnyUtf16_GivesValidSequence()
    {
        var tokenizer = Read(Roberta);

        Gen.Select(AnyText, AnyText, Gen.Int[4, 40]).Check(1000, draw =>
        {
            var (text, pair, maxLength) = draw;
            var (whole, cut) = (tokenizer.Encode(text, null, int.MaxValue), tokenizer.Encode(text, null, maxLength));
            var both = tokenizer.Encode(text, pair, maxLength);
            return cut.Truncated == (whole.Ids.Length > maxLength)
                && cut.Ids.AsSpan()[..^1].SequenceEqual(whole.Ids.AsSpan(0, cut.Ids.Length - 1))
                && both.Ids.Length <= maxLength && both.Ids[0] == 0 && both.Ids[^1] == 2
                && both.Ids.All(id => id >= 0 && id < tokenizer.VocabularySize);
        });
    }

    [TestMethod]
    public void Encode_Gpt2Files_HasNoSpecialTokens()
    {
        var vocabulary = Vocabulary();
        vocabulary.Remove("<mask>");
        vocabulary["<|endoftext|>"] = 1760;

        var bare = Read("""{"tokenizer_class": "GPT2Tokenizer"}""", vocabulary.ToJsonString());
        var begun = Read("""{"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true}""", vocabulary.ToJsonString());

        Assert.AreEqual(bare.Ids("the"), begun.Ids("the")["1760,".Length..]);
        Assert.AreEqual(1760, bare.PadId);
        Assert.IsEmpty(bare.Encode("", null, 1).Ids);
    }

    [TestMethod]
    [DataRow("""[]""", "is not a JSON object")]
    [DataRow("""{"a": 0""", "is not valid JSON")]
    [DataRow("""{}""", "is empty")]
    [DataRow("""{"a": "0"}""", "'a'")]
    [DataRow("""{"a": -1}""", "has the id -1")]
    [DataRow("""{"a": 2147483647}""", "has the id 2147483647")]
    [DataRow("""{"a": 0, "b": 0}""", "belongs to 'b' and to another")]
    [DataRow("""{"a": 0, "b": 2}""", "has the id 1, although")]
    [DataRow("""{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}""", "no piece '\u0100' for the byte 0")]
    public void Read_DamagedVocabulary_SaysWhatIsWrong(string vocabulary, string expected) =>
        AssertRefused(expected, () => Read(Roberta, vocabulary));

    [TestMethod]
    [DataRow("<s>", "cls_token")]
    [DataRow("</s>", "sep_token")]
    [DataRow("<pad>", "pad_token")]
    [DataRow("<unk>", "unk_token")]
    public void Read_SpecialTokenMissing_NamesIt(string token, string role)
    {
        var vocabulary = Vocabulary();
        var id = vocabulary[token]!.GetValue<int>();
        vocabulary.Remove(token);
        vocabulary["[other]"] = id;

        AssertRefused(role, () => Read(Roberta, vocabulary.ToJsonString()));
    }

    [TestMethod]
    [DataRow("#version: 0.2\nt h\nt h e", "Line 3 of merges.txt")]
    [DataRow("t h\nthe", "Line 2 of merges.txt")]
    [DataRow("t \n", "Line 1 of merges.txt")]
    [DataRow("t h\nq zz", "merge 2, 'q zz'")]
    public void Read_DamagedMerges_NamesThePlace(string merges, string expected) => AssertRefused(expected, () => Read(Roberta, merges: merges));

    [TestMethod]
    [DataRow("{}", "no file says which tokenizer")]
    [DataRow("""{"tokenizer_class": "CLIPTokenizer"}""", "'CLIPTokenizer'")]
    [DataRow("""{"tokenizer_class": "BertTokenizer"}""", "'BertTokenizer'")]
    public void Read_OtherClass_IsRefused(string configuration, string expected) => AssertRefused(expected, () => Read(configuration));

    [TestMethod]
    public void Read_UsualClass_StandsForOneThatNoFileNames()
    {
        using var files = TokenizerFixtures.Files(
            ("vocab.json", TokenizerFixtures.Bytes("bpe", "vocab.json")),
            ("merges.txt", TokenizerFixtures.Bytes("bpe", "merges.txt")));

        Assert.AreEqual("0,2", TokenizerFactory.Create(files, "RobertaTokenizer").Ids(""));
    }

    private static void AssertRefused(string expected, Func<object> read) =>
        Assert.Contains(expected, Assert.ThrowsExactly<InvalidDataException>(read).Message);

    private static JsonObject Vocabulary() => JsonNode.Parse(TokenizerFixtures.Bytes("bpe", "vocab.json"))!.AsObject();

    private static ITextTokenizer Read(string configuration, string? vocabulary = null, string? merges = null)
    {
        using var files = TokenizerFixtures.Files(
            ("tokenizer_config.json", Encoding.UTF8.GetBytes(configuration)),
            ("vocab.json", vocabulary is null ? TokenizerFixtures.Bytes("bpe", "vocab.json") : Encoding.UTF8.GetBytes(vocabulary)),
            ("merges.txt", merges is null ? TokenizerFixtures.Bytes("bpe", "merges.txt") : Encoding.UTF8.GetBytes(merges)));
        return TokenizerFactory.Create(files);
    }
}
