using System.Text;
using CsCheck;
using Google.Protobuf;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class SentencePieceFormatTests
{
    private const string T5 = """{"tokenizer_class": "T5Tokenizer", "model_max_length": 512}""";

    private static readonly byte[] Model = TokenizerFixtures.Bytes("unigram", "spiece.model");

    [TestMethod]
    public void Read_T5_HasItsProperties()
    {
        var tokenizer = Read(T5, Model);

        Assert.AreEqual((8100, 0, 512), (tokenizer.VocabularySize, tokenizer.PadId, tokenizer.MaxTokens));
        Assert.AreEqual("1", tokenizer.Ids(""));
        Assert.AreEqual("1,1", tokenizer.Ids("", ""));
        Assert.AreEqual("8099,1", tokenizer.Ids("<extra_id_0>"));
        Assert.IsNull(tokenizer.Encode("one", "two", 16).TypeIds);
    }

    [TestMethod]
    public void Read_ExtraIds_DecideTheSize() => Assert.AreEqual(8000, Read("""{"tokenizer_class": "T5Tokenizer", "extra_ids": 0}""", Model).VocabularySize);

    [TestMethod]
    public void Encode_AnyUtf16_GivesValidSequence()
    {
        var tokenizer = Read(T5, Model);

        Gen.Select(Gen.String, Gen.Int[2, 40]).Check(1000, draw =>
        {
            var (text, maxLength) = draw;
            var (whole, cut) = (tokenizer.Encode(text, null, int.MaxValue), tokenizer.Encode(text, null, maxLength));
            return cut.Truncated == (whole.Ids.Length > maxLength)
                && cut.Ids.AsSpan()[..^1].SequenceEqual(whole.Ids.AsSpan(0, cut.Ids.Length - 1))
                && cut.Ids[^1] == 1 && whole.Ids.All(id => id >= 0 && id < tokenizer.VocabularySize);
        });
    }

    [TestMethod]
    public void Encode_TextOfManyParts_EqualsItsStringsOneByOne()
    {
        var tokenizer = Read(T5, Model);
        var strings = Enumerable.Repeat(TokenizerFixtures.Lines("golden.jsonl").Select(row => row.GetProperty("text").GetString()!), 20)
            .SelectMany(texts => texts).ToList();
        var expected = strings.SelectMany(text => tokenizer.Encode(text, null, 512).Ids[..^1]).ToArray();

        var actual = tokenizer.Encode(string.Join(' ', strings), null, int.MaxValue).Ids[..^1];

        CollectionAssert.AreEqual(expected, actual);
    }

    [TestMethod]
    public void Read_Deberta_AppendsTheMask()
    {
        var file = TokenizerFixtures.ModelFile(
            ("[PAD]", SentencePieceKind.Control), ("[CLS]", SentencePieceKind.Control), ("[SEP]", SentencePieceKind.Control), ("[UNK]", SentencePieceKind.Unknown));

        var tokenizer = Read("""{"tokenizer_class": "DebertaV2Tokenizer"}""", file, "spm.model");

        Assert.AreEqual(8002, tokenizer.VocabularySize);
        Assert.AreEqual("1,8001,2", tokenizer.Ids("[MASK]"));
        Assert.AreEqual("0,0,0,1,1", string.Join(',', tokenizer.Encode("[MASK]", "[MASK]", 8).TypeIds!));
    }

    [TestMethod]
    [DataRow("""{"tokenizer_class": "DebertaV2Tokenizer", "split_by_punct": true}""", "split_by_punct")]
    [DataRow("""{"tokenizer_class": "XLMRobertaTokenizer"}""", "begins with the pieces <pad>, </s>, <unk>")]
    [DataRow("""{"tokenizer_class": "AlbertTokenizer"}""", "no token '[CLS]'")]
    [DataRow("""{"tokenizer_class": "T5Tokenizer", "pad_token": "[P]"}""", "no token '[P]'")]
    [DataRow("""{"tokenizer_class": "T5Tokenizer", "extra_ids": -1}""", "\"extra_ids\"")]
    [DataRow("""{"tokenizer_class": "LlamaTokenizer"}""", "'LlamaTokenizer'")]
    [DataRow("{}", "no file says which tokenizer")]
    public void Read_WrongConfiguration_SaysWhatIsWrong(string configuration, string expected) => AssertRefused(expected, () => Read(configuration, Model));

    [TestMethod]
    public void Read_TruncatedModel_IsRefused()
    {
        for (var length = 0; length < Model.Length; length += 1 + (Model.Length / 60))
        {
            AssertRefused("spiece.model of the test folder", () => Read(T5, Model[..length]));
        }
    }

    [TestMethod]
    public void Read_ModelCutBetweenPieces_IsRefused()
    {
        // Each piece is a part of its own, so that the beginning of the file up to one is a well-formed message.
        var input = new CodedInputStream(Model);
        for (var n = 0; n < 100; n++)
        {
            _ = input.ReadTag();
            _ = input.ReadBytes();
        }

        AssertRefused("its end is missing", () => Read(T5, Model[..(int)input.Position]));
    }

    [TestMethod]
    public void Read_DamagedModel_ThrowsOnlyInvalidData() => Gen.Select(Gen.Int[0, Model.Length - 1], Gen.Byte).Check(
        50,
        draw =>
        {
            var (place, value) = draw;
            var bytes = Model.ToArray();
            bytes[place] = value;
            try
            {
                _ = Read(T5, bytes).Ids("a text with \u2460");
            }
            catch (InvalidDataException)
            {
                // said what is wrong
            }
        });

    [TestMethod]
    [DataRow(2, "type BPE")]
    [DataRow(4, "type char")]
    public void Read_OtherModelType_IsRefused(int type, string expected) =>
        AssertRefused(expected, () => Read(T5, File(trainer => TokenizerFixtures.WriteVarint(trainer, 3, type), _ => { })));

    [TestMethod]
    [DataRow(24, 1, false, "treat_whitespace_as_suffix")]
    [DataRow(3, 0, true, "add_dummy_prefix")]
    [DataRow(4, 0, true, "remove_extra_whitespaces")]
    [DataRow(5, 0, true, "escape_whitespaces")]
    public void Read_OtherSetting_IsRefused(int field, int value, bool ofNormalizer, string expected)
    {
        void Write(CodedOutputStream output) => TokenizerFixtures.WriteVarint(output, field, value);

        AssertRefused(expected, () => Read(T5, ofNormalizer ? File(_ => { }, Write) : File(Write, _ => { })));
    }

    [TestMethod]
    public void Read_BillionsOfExtraIds_AreRefused() => AssertRefused(
        "\"extra_ids\" in tokenizer_config.json of the test folder is 2147483647",
        () => Read("""{ "tokenizer_class": "T5Tokenizer", "extra_ids": 2147483647 }""", File(_ => { }, _ => { })));

    [TestMethod]
    public void Read_UnknownTokenElsewhere_IsRefused() =>
        AssertRefused("piece 5 is not the unknown token", () => Read(T5, TokenizerFixtures.ModelFile(
            TokenizerFixtures.Unigram.Pieces, trainer => TokenizerFixtures.WriteVarint(trainer, 40, 5), _ => { })));

    private static byte[] File(Action<CodedOutputStream> trainer, Action<CodedOutputStream> normalizer) => TokenizerFixtures.ModelFile(
        TokenizerFixtures.Unigram.Pieces,
        output =>
        {
            TokenizerFixtures.WriteVarint(output, 40, 2);
            trainer(output);
        },
        normalizer);

    private static void AssertRefused(string expected, Func<object> read) =>
        Assert.Contains(expected, Assert.ThrowsExactly<InvalidDataException>(read).Message);

    private static ITextTokenizer Read(string configuration, byte[] model, string name = "spiece.model")
    {
        using var files = TokenizerFixtures.Files(("tokenizer_config.json", Encoding.UTF8.GetBytes(configuration)), (name, model));
        return TokenizerFactory.Create(files);
    }
}
