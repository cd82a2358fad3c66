using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>One tokenizer.json that says what several files say, and settings that say what Python would take from elsewhere.</summary>
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

    [TestMethod]
    [DataRow("bert", "BertTokenizer", true)]
    [DataRow("mpnet", "MPNetTokenizer", false)]
    [DataRow("modernbert", "PreTrainedTokenizerFast", false)]
    public void Complete_NoFileNamesTheTokenizer_IsTheArchitecturesOwn(string type, string className, bool takesTypeIds)
    {
        var architecture = Architectures.Find(type)!;
        var files = new Dictionary<string, byte[]> { ["vocab.txt"] = "[PAD]"u8.ToArray() };

        var config = JsonNode.Parse(TokenizerExport.Complete(files, 20, architecture.PreprocessorClass, architecture.TakesTypeIds))!;

        Assert.AreEqual(className, (string?)config["tokenizer_class"]);
        Assert.AreEqual(takesTypeIds ? null : """["input_ids","attention_mask"]""", config["model_input_names"]?.ToJsonString());
    }

    [TestMethod]
    public void Complete_ModelsConfigurationNamesTheTokenizer_IsThatOne()
    {
        var files = new Dictionary<string, byte[]> { ["config.json"] = """{"model_type": "bert", "tokenizer_class": "XLMRobertaTokenizer"}"""u8.ToArray() };

        var config = JsonNode.Parse(TokenizerExport.Complete(files, 20, "BertTokenizer", takesTypeIds: true))!;

        Assert.AreEqual("XLMRobertaTokenizer", (string?)config["tokenizer_class"]);
    }

    [TestMethod]
    [DataRow("bert", "Unigram", "PreTrainedTokenizerFast", null)]
    [DataRow("bert", "WordPiece", "BertTokenizer", null)]
    [DataRow("roberta", "WordPiece", "PreTrainedTokenizerFast", """["input_ids","attention_mask"]""")]
    public void Complete_TokenizerJsonOfAnotherKind_IsTheGenericClass(string type, string model, string className, string? inputs)
    {
        var architecture = Architectures.Find(type)!;
        var files = new Dictionary<string, byte[]>
        {
            ["tokenizer.json"] = Encoding.UTF8.GetBytes($$"""{"model": {"type": "{{model}}" } }"""),
            ["tokenizer_config.json"] = """{"pad_token": "<pad>"}"""u8.ToArray(),
        };

        var config = JsonNode.Parse(TokenizerExport.Complete(files, 20, architecture.PreprocessorClass, architecture.TakesTypeIds))!;

        Assert.AreEqual(className, (string?)config["tokenizer_class"]);
        Assert.AreEqual(inputs, config["model_input_names"]?.ToJsonString());
    }

    [TestMethod]
    [DataRow("bert", """{"type": "BertNormalizer", "lowercase": false, "strip_accents": true, "handle_chinese_chars": false}""", """{"type": "BertPreTokenizer"}""", "", "False,True,False,")]
    [DataRow("bert", """{"type": "BertNormalizer"}""", """{"type": "BertPreTokenizer"}""", "", "True,,True,")]
    [DataRow("bert", """{"type": "BertNormalizer", "lowercase": true}""", """{"type": "BertPreTokenizer"}""", "\"do_lower_case\": false", "False,,True,")]
    [DataRow("roberta", "null", """{"type": "ByteLevel", "add_prefix_space": true, "use_regex": true}""", "", ",,,True")]
    [DataRow("modernbert", "null", """{"type": "ByteLevel"}""", "", ",,,True")]
    public void Complete_TokenizerJsonSaysMoreThanTheSettings_NamesWhatPythonWouldReplace(string type, string normalizer, string words, string settings, string expected)
    {
        var architecture = Architectures.Find(type)!;
        var files = new Dictionary<string, byte[]>
        {
            ["tokenizer.json"] = Encoding.UTF8.GetBytes($$"""{"normalizer": {{normalizer}}, "pre_tokenizer": {{words}}}"""),
            ["tokenizer_config.json"] = Encoding.UTF8.GetBytes($$"""{"pad_token": "[PAD]"{{(settings.Length > 0 ? ", " + settings : "")}}}"""),
        };

        var config = JsonNode.Parse(TokenizerExport.Complete(files, 20, architecture.PreprocessorClass, architecture.TakesTypeIds))!;

        string[] fields = ["do_lower_case", "strip_accents", "tokenize_chinese_chars", "add_prefix_space"];
        Assert.AreEqual(expected, string.Join(',', fields.Select(field => (bool?)config[field])));
    }
}
