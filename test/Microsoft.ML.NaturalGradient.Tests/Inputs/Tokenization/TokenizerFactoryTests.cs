using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class TokenizerFactoryTests
{
    private const string SmallVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ncafe\ncaf\u00E9\nCaf\u00E9\n\u4E2D\n##\u6587\n[X]\n";

    [TestMethod]
    [DataRow(null, "2,4,3", DisplayName = "no configuration: lower-case, accents off")]
    [DataRow("""{"do_lower_case": true, "strip_accents": null}""", "2,4,3")]
    [DataRow("""{"do_lower_case": true, "strip_accents": false}""", "2,5,3")]
    [DataRow("""{"do_lower_case": false}""", "2,6,3")]
    [DataRow("""{"do_lower_case": false, "strip_accents": true}""", "2,1,3")]
    public void Create_Configuration_DecidesTextCleaning(string? configuration, string expected) =>
        Assert.AreEqual(expected, Ids(configuration, "Caf\u00E9"));

    [TestMethod]
    [DataRow("""{"tokenize_chinese_chars": true}""", "2,7,1,3")]
    [DataRow("""{"tokenize_chinese_chars": false}""", "2,7,8,3")]
    public void Create_TokenizeChineseChars_DecidesIdeographs(string configuration, string expected) =>
        Assert.AreEqual(expected, Ids(configuration, "\u4E2D\u6587"));

    [TestMethod]
    [DataRow("""{"cls_token": "[X]"}""")]
    [DataRow("""{"cls_token": {"content": "[X]", "lstrip": false}}""")]
    public void Create_SpecialTokenName_IsUsed(string configuration) => Assert.AreEqual("9,4,3", Ids(configuration, "cafe"));

    [TestMethod]
    public void Create_SpecialTokensMap_IsUsedWhereConfigurationIsSilent()
    {
        using var files = Small(
            ("special_tokens_map.json", """{"cls_token": "[X]", "sep_token": "[X]"}"""),
            ("tokenizer_config.json", """{"sep_token": "[SEP]"}"""));

        var ids = TokenizerFactory.Create(files).Encode("cafe", null, 8).Ids;

        Assert.AreEqual("9,4,3", string.Join(',', ids));
    }

    [TestMethod]
    [DataRow("""{"added_tokens_decoder": {"9": {"content": "[X]", "special": true}}}""", "2,9,4,3")]
    [DataRow(null, "2,1,1,1,4,3")]
    public void Create_AddedToken_IsRecognisedInText(string? configuration, string expected) =>
        Assert.AreEqual(expected, Ids(configuration, "[X]cafe"));

    [TestMethod]
    [DataRow("""{"additional_special_tokens": ["[X]"]}""", "2,9,4,3")]
    [DataRow("""{"additional_special_tokens": [{"content": "[X]"}]}""", "2,9,4,3")]
    [DataRow("""{"additional_special_tokens": ["[Y]"]}""", "2,1,1,1,4,3")]
    public void Create_FurtherSpecialToken_IsRecognisedInText(string configuration, string expected) =>
        Assert.AreEqual(expected, Ids(configuration, "[X]cafe"));

    [TestMethod]
    public void Create_ModelsConfigurationNamesTheClass_IsAskedFor()
    {
        using var japanese = Small(("config.json", """{"model_type": "bert", "tokenizer_class": "BertJapaneseTokenizer"}"""), ("tokenizer_config.json", """{"do_lower_case": false}"""));
        using var other = Small(("config.json", """{"tokenizer_class": "BertJapaneseTokenizer"}"""), ("tokenizer_config.json", """{"tokenizer_class": "BertTokenizer"}"""));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(japanese, "BertTokenizer"));

        Assert.Contains("'BertJapaneseTokenizer', which is not supported", exception.Message);
        Assert.AreEqual("2,4,3", TokenizerFactory.Create(other, "BertTokenizer").Ids("cafe"));
    }

    [TestMethod]
    public void Create_FurtherSpecialTokens_MissingOnesFollowTheVocabulary()
    {
        using var files = Small(
            ("special_tokens_map.json", """{"additional_special_tokens": ["[Z]", "[Y]"]}"""),
            ("tokenizer_config.json", """{"additional_special_tokens": ["[Y]"]}"""));

        var tokenizer = TokenizerFactory.Create(files);

        Assert.AreEqual("2,10,4,11,3", tokenizer.Ids("[Y]cafe[Z]"));
        Assert.AreEqual(12, tokenizer.VocabularySize);
    }

    [TestMethod]
    public void Create_FurtherSpecialTokensNoList_IsRefused()
    {
        using var files = Small(("tokenizer_config.json", """{"additional_special_tokens": "[X]"}"""));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(files));

        Assert.Contains("\"additional_special_tokens\" in tokenizer_config.json", exception.Message);
    }

    [TestMethod]
    public void Create_MPNet_HasRobertasSpecialTokensAroundBertsPieces()
    {
        using var files = TokenizerFixtures.Files(
            ("vocab.txt", "<s>\n<pad>\n</s>\n<unk>\ncafe\nlatte\n##s\n[UNK]\n<mask>\n"), ("tokenizer_config.json", """{"tokenizer_class": "MPNetTokenizerFast"}"""));

        var tokenizer = TokenizerFactory.Create(files);

        Assert.AreEqual("0,4,6,2", tokenizer.Ids("Caf\u00E9s"));
        Assert.AreEqual("0,4,2,2,5,7,2", tokenizer.Ids("cafe", "latte tea"));
        Assert.AreEqual("0,8,4,2", tokenizer.Ids("<mask> cafe"));
        Assert.AreEqual((9, 1), (tokenizer.VocabularySize, tokenizer.PadId));
        Assert.IsNull(tokenizer.Encode("cafe", "latte", 16).TypeIds);
    }

    [TestMethod]
    public void Create_MiniLMFolder_EqualsReferenceTokenizer()
    {
        using var files = TokenizerFixtures.Files(
            ("vocab.txt", Encoding.UTF8.GetString(TokenizerFixtures.VocabularyBytes)),
            ("tokenizer_config.json", """{"do_lower_case": true, "strip_accents": null, "tokenizer_class": "BertTokenizer"}"""));

        var tokenizer = TokenizerFactory.Create(files);

        Assert.AreEqual(30522, tokenizer.VocabularySize);
        Assert.AreEqual("101,7592,2088,102", string.Join(',', tokenizer.Encode("Hello world", null, 128).Ids));
    }

    [TestMethod]
    public void Create_NoSupportedFile_NamesWhatWasLookedForAndFound()
    {
        using var files = TokenizerFixtures.Files(("config.json", """{"model_type": "bert"}"""), ("merges.txt", ""));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(files));

        Assert.Contains("the test folder", exception.Message);
        foreach (var name in (string[])["tokenizer.json", "vocab.txt", "vocab.json with merges.txt", "spiece.model", "sentencepiece.bpe.model", "spm.model"])
        {
            Assert.Contains(name, exception.Message);
        }
    }

    [TestMethod]
    [DataRow("[PAD]", "pad_token")]
    [DataRow("[UNK]", "unk_token")]
    [DataRow("[CLS]", "cls_token")]
    [DataRow("[SEP]", "sep_token")]
    public void Create_SpecialTokenMissing_NamesIt(string token, string key)
    {
        using var files = TokenizerFixtures.Files(("vocab.txt", SmallVocabulary.Replace(token, "other", StringComparison.Ordinal)));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(files));

        Assert.Contains(token, exception.Message);
        Assert.Contains(key, exception.Message);
    }

    [TestMethod]
    [DataRow("not json", "is not valid JSON")]
    [DataRow("[]", "is not a JSON object")]
    [DataRow("""{"do_lower_case": "yes"}""", "\"do_lower_case\" in tokenizer_config.json of the test folder is \"yes\"")]
    [DataRow("""{"cls_token": 5}""", "\"cls_token\"")]
    [DataRow("""{"added_tokens_decoder": {"x": "[X]"}}""", "keys are ids")]
    [DataRow("""{"added_tokens_decoder": {"3": {"content": "<url>"}}}""", "'<url>' with id 3")]
    [DataRow("""{"added_tokens_decoder": {"5": {"content": "cafe"}}}""", "gives the token the id 4")]
    [DataRow("""{"added_tokens_decoder": {"10": {"content": "<url>", "single_word": true}}}""", "single_word is set for the token \"<url>\"")]
    [DataRow("""{"added_tokens_decoder": {"10": {"content": "<url>", "lstrip": 1}}}""", "\"lstrip\"")]
    [DataRow("""{"truncation_side": "left"}""", "truncation_side")]
    [DataRow("""{"tokenizer_class": "MPNetTokenizer"}""", "no token '<s>', which the tokenizer needs as its cls_token")]
    [DataRow("""{"tokenizer_class": "RobertaTokenizer"}""", "'RobertaTokenizer'")]
    public void Create_WrongConfiguration_SaysWhatIsWrong(string configuration, string expected)
    {
        using var files = Small(("tokenizer_config.json", configuration));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(files));

        Assert.Contains(expected, exception.Message);
    }

    [TestMethod]
    [DataRow("added_tokens.json", """{"<url>": 10}""")]
    [DataRow("tokenizer_config.json", """{"added_tokens_decoder": {"10": {"content": "<url>", "normalized": false}}}""")]
    public void Create_TokenBeyondVocabulary_IsRecognised(string name, string text)
    {
        using var files = Small((name, text));

        var tokenizer = TokenizerFactory.Create(files);

        Assert.AreEqual("2,4,10,3", tokenizer.Ids("cafe<url>"));
        Assert.AreEqual(11, tokenizer.VocabularySize);
    }

    [TestMethod]
    [DataRow("""{"model_max_length": 512}""", 512)]
    [DataRow("""{"model_max_length": 1000000000000000019884624838656}""", null)]
    [DataRow("""{"model_max_length": 0}""", null)]
    [DataRow("""{"model_max_length": null}""", null)]
    [DataRow("""{"max_len": 512}""", 512)]
    [DataRow("""{"model_max_length": 128, "max_len": 512}""", 128)]
    [DataRow("""{"model_max_length": null, "max_len": 512}""", null)]
    [DataRow("{}", null)]
    public void MaxTokens_ModelMaxLength_IsTakenIfSane(string configuration, int? expected)
    {
        using var files = Small(("tokenizer_config.json", configuration));

        Assert.AreEqual(expected, TokenizerFactory.Create(files).MaxTokens);
    }

    [TestMethod]
    [DataRow("""{"tokenizer_class": "BertTokenizer"}""", true)]
    [DataRow("""{"tokenizer_class": "DistilBertTokenizerFast"}""", false)]
    [DataRow("""{"tokenizer_class": "BertTokenizer", "model_input_names": ["input_ids", "attention_mask"]}""", false)]
    [DataRow("""{"tokenizer_class": "DistilBertTokenizer", "model_input_names": ["input_ids", "token_type_ids"]}""", true)]
    public void Encode_Pair_HasTypeIdsIfEncoderTakesThem(string configuration, bool expected)
    {
        using var files = Small(("tokenizer_config.json", configuration));

        Assert.AreEqual(expected, TokenizerFactory.Create(files).Encode("cafe", "cafe", 8).TypeIds is not null);
    }

    [TestMethod]
    public void VocabularySize_TokenWithTheHighestId_DoesNotOverflow()
    {
        using var files = Small(("tokenizer_config.json", """{"added_tokens_decoder": {"2147483647": {"content": "<url>"}}}"""));

        Assert.AreEqual(int.MaxValue, TokenizerFactory.Create(files).VocabularySize); // so that no network fits it
    }

    private static MemoryCheckpointFiles Small(params (string Name, string Text)[] others) =>
        TokenizerFixtures.Files([("vocab.txt", SmallVocabulary), .. others]);

    private static string Ids(string? configuration, string text)
    {
        using var files = configuration is null ? Small() : Small(("tokenizer_config.json", configuration));
        return string.Join(',', TokenizerFactory.Create(files).Encode(text, null, 16).Ids);
    }
}
