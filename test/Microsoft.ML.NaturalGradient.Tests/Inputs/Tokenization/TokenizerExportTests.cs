using System.Text;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>One tokenizer.json that says what several files say.</summary>
[TestClass]
public sealed class TokenizerExportTests
{
    private const string WordPiece = """
        {"normalizer": {"type": "BertNormalizer", "lowercase": true}, "pre_tokenizer": {"type": "BertPreTokenizer"},
         "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
         "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
          "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "cafe": 4, "caf\u00E9": 5, "Caf\u00E9": 6, "s": 7}}}
        """;

    [TestMethod]
    [DataRow("""{"do_lower_case": false, "sep_token": "[SEP]", "additional_special_tokens": ["[E]"]}""", "2,6,8,3,7,3")]
    [DataRow("""{"strip_accents": false, "sep_token": "[SEP]", "added_tokens_decoder": {"8": {"content": "[E]", "rstrip": true}}}""", "2,5,8,3,7,3")]
    public void Gather_SettingsAndTokensOfOtherFiles_AreInTheOne(string configuration, string expected)
    {
        const string text = "Caf\u00E9 [E] [SEP]s";
        var files = new Dictionary<string, byte[]>
        {
            ["tokenizer.json"] = Encoding.UTF8.GetBytes(WordPiece),
            ["tokenizer_config.json"] = Encoding.UTF8.GetBytes(configuration),
        };
        using var all = TokenizerFixtures.Files([.. files.Select(file => (file.Key, file.Value))]);

        using var one = TokenizerFixtures.Files([("tokenizer.json", TokenizerExport.Gather(files, "BertTokenizer"))]);

        Assert.AreEqual(expected, TokenizerFactory.Create(all, "BertTokenizer").Ids(text));
        Assert.AreEqual(expected, TokenizerFactory.Create(one).Ids(text));
    }

    [TestMethod]
    [DataRow("bpe-roberta")]
    [DataRow("bpe-modernbert")]
    [DataRow("unigram-t5")]
    public void Gather_NothingToAdd_ReturnsTheFile(string name)
    {
        var content = Encoding.UTF8.GetBytes(TokenizerFixtures.Definition(name).ToJsonString());

        Assert.AreSame(content, TokenizerExport.Gather(new Dictionary<string, byte[]> { ["tokenizer.json"] = content }, null));
    }
}
