using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class TokenizerJsonFormatTests
{
    private const string WordPiece = """
        {"added_tokens": [], "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
         "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
         "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
          "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "cafe": 4, "caf\u00E9": 5, "Caf\u00E9": 6, "##s": 7}}}
        """;

    [TestMethod]
    [DataRow("bpe-roberta", "model", """{"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}""", "model in tokenizer.json of the test folder is of type 'WordLevel'")]
    [DataRow("bpe-roberta", "model", """{"vocab": {"a": 0}, "unk_token": "a"}""", "is of type 'WordLevel'")]
    [DataRow("bpe-roberta", "model.ignore_merges", "true", "sets \"ignore_merges\" to true")]
    [DataRow("bpe-roberta", "model.dropout", "0.1", "\"dropout\"")]
    [DataRow("bpe-roberta", "model.byte_fallback", "true", "\"byte_fallback\"")]
    [DataRow("bpe-roberta", "model.end_of_word_suffix", "\"</w>\"", "\"end_of_word_suffix\"")]
    [DataRow("bpe-roberta", "model.continuing_subword_prefix", "\"##\"", "\"continuing_subword_prefix\"")]
    [DataRow("bpe-roberta", "model.other", "1", "sets \"other\"")]
    [DataRow("bpe-roberta", "model.merges", "[\"t h\", 5]", "Merge 2 in tokenizer.json")]
    [DataRow("bpe-roberta", "model.merges", "[\"t h\", [\"q\", \"zz\"]]", "merge 2, 'q zz'")]
    [DataRow("bpe-roberta", "model.vocab", "[]", "not a JSON object of pieces")]
    [DataRow("bpe-roberta", "model.vocab.the", "5000", "no piece in tokenizer.json of the test folder has the id 1173")]
    [DataRow("bpe-roberta", "pre_tokenizer", "null", "has no pre_tokenizer")]
    [DataRow("bpe-roberta", "pre_tokenizer", """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": false}""", "'Metaspace' for a model of type 'BPE'")]
    [DataRow("bpe-roberta", "pre_tokenizer", """{"type": "Sequence", "pretokenizers": [{"type": "Split"}, {"type": "ByteLevel"}]}""", "'Sequence' for a model of type 'BPE'")]
    [DataRow("bpe-roberta", "pre_tokenizer.use_regex", "false", "\"use_regex\"")]
    [DataRow("bpe-roberta", "normalizer", """{"type": "Prepend", "prepend": "\u2581"}""", "is of type 'Prepend'")]
    [DataRow("bpe-roberta", "normalizer", """{"type": "Replace", "pattern": {"Regex": "[a]"}, "content": ""}""", "pattern {\"Regex\":\"[a]\"}")]
    [DataRow("bpe-roberta", "normalizer", """{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Nmt"}]}""", "step 2 of normalizer")]
    [DataRow("bpe-roberta", "post_processor", """{"type": "Other"}""", "post_processor in tokenizer.json of the test folder is of type 'Other'")]
    [DataRow("bpe-roberta", "post_processor.cls", """["<s>", 7]""", "'<s>' with id 7")]
    [DataRow("bpe-roberta", "post_processor.cls", """["<x>", 0]""", "'<x>' with id 0")]
    [DataRow("bpe-roberta", "added_tokens.0.single_word", "true", "single_word is set for the token '<s>'")]
    [DataRow("bpe-roberta", "added_tokens.0.other", "true", "sets \"other\"")]
    [DataRow("bpe-roberta", "added_tokens.0.id", "9", "adds the token '<s>' with id 9")]
    [DataRow("bpe-roberta", "added_tokens.0.content", "\"<x>\"", "gives this id to another token")]
    [DataRow("bpe-roberta", "other", "1", "sets \"other\"")]
    [DataRow("bpe-roberta", "truncation", """{"direction": "Left", "max_length": 512, "strategy": "LongestFirst", "stride": 0}""", "truncation in tokenizer.json of the test folder sets \"direction\" to \"Left\"")]
    [DataRow("bpe-modernbert", "post_processor.single", "[]", "does not have each text once in \"single\"")]
    [DataRow("unigram-t5", "pre_tokenizer.split", "false", "\"split\"")]
    [DataRow("unigram-t5", "pre_tokenizer.replacement", "\"_\"", "\"replacement\"")]
    [DataRow("unigram-t5", "pre_tokenizer.prepend_scheme", "\"last\"", "prepend_scheme 'last'")]
    [DataRow("unigram-t5", "pre_tokenizer", """{"type": "Whitespace"}""", "'Whitespace' for a model of type 'Unigram'")]
    [DataRow("unigram-xlmr-words", "pre_tokenizer.pretokenizers.1.prepend_scheme", "\"never\"", "prepend_scheme 'never'")]
    [DataRow("unigram-t5", "model.unk_id", "null", "no \"unk_id\"")]
    [DataRow("unigram-t5", "model.unk_id", "9000", "id 9000 of the unknown token")]
    [DataRow("unigram-t5", "model.byte_fallback", "true", "no piece '<0x00>'")]
    [DataRow("unigram-t5", "model.vocab.7", "\"x\"", "not a piece with a score")]
    [DataRow("unigram-t5", "normalizer.normalizers.0.precompiled_charsmap", "\"?\"", "not base64")]
    [DataRow("unigram-t5", "normalizer.normalizers.0.precompiled_charsmap", "\"AAAA\"", "precompiled_charsmap")]
    public void Read_UnsupportedOrDamaged_IsRefusedByName(string name, string path, string value, string expected)
    {
        var definition = TokenizerFixtures.Definition(name);
        Set(definition, path, JsonNode.Parse(value));

        AssertRefused(expected, definition.ToJsonString(), null);
    }

    [TestMethod]
    [DataRow("not json", "is not valid JSON")]
    [DataRow("[]", "is not a JSON object")]
    [DataRow("{}", "has no \"model\"")]
    public void Read_NotATokenizer_IsRefused(string text, string expected) => AssertRefused(expected, text, null);

    [TestMethod]
    [DataRow("""{"tokenizer_class": "BertTokenizer"}""", "'BertTokenizer', but its model is of type 'BPE'")]
    [DataRow("""{"tokenizer_class": "LlamaTokenizerFast"}""", "'LlamaTokenizer', which is not supported")]
    [DataRow("""{"cls_token": "<unk>"}""", "'<unk>' as \"cls_token\"")]
    [DataRow("""{"added_tokens_decoder": {"4": {"content": "<url>"}}}""", "'<url>' with id 4")]
    [DataRow("""{"pad_token": "[P]"}""", "no token '[P]'")]
    public void Read_ConfigurationOfAnotherTokenizer_IsRefused(string configuration, string expected) =>
        AssertRefused(expected, TokenizerFixtures.Definition("bpe-roberta").ToJsonString(), configuration);

    [TestMethod]
    public void Read_NoFileNamesTheClass_AnyModelIsRead()
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", TokenizerFixtures.Definition("bpe-roberta").ToJsonString()));

        Assert.AreEqual(TokenizerFactory.Create(files).Ids("the film"), TokenizerFactory.Create(files, "BertTokenizer").Ids("the film"));
    }

    [TestMethod]
    public void Read_VocabularyBesideDiffers_IsRefused()
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", TokenizerFixtures.Definition("bpe-roberta").ToJsonString()), ("vocab.json", """{"the": 4}"""));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(files));

        Assert.Contains("vocab.json gives the piece 'the' the id 4", exception.Message);
    }

    [TestMethod]
    [DataRow("bpe-roberta")]
    [DataRow("bpe-modernbert")]
    [DataRow("unigram-albert")]
    public void Read_AnyValueOfAnotherKind_ThrowsOnlyInvalidData(string name)
    {
        var definition = TokenizerFixtures.Definition(name);
        definition["model"]!["vocab"] = name.StartsWith("bpe", StringComparison.Ordinal)
            ? definition["model"]!["vocab"] : new JsonArray([.. definition["model"]!["vocab"]!.AsArray().Take(300).Select(piece => piece!.DeepClone())]);
        if (definition["normalizer"]?["normalizers"] is JsonArray steps)
        {
            steps.RemoveAt(steps.IndexOf(steps.First(step => step!["type"]!.GetValue<string>() == "Precompiled"))); // large; damaged in tests of its own
        }

        var tried = 0;
        foreach (var path in Paths(definition, "").Where(path => !path.StartsWith("added_tokens", StringComparison.Ordinal) || path.StartsWith("added_tokens.0", StringComparison.Ordinal)))
        {
            foreach (var value in (string[])["null", "7.5", "\"x\"", "[1]"])
            {
                var changed = definition.DeepClone().AsObject();
                Set(changed, path, JsonNode.Parse(value));
                using var files = TokenizerFixtures.Files(("tokenizer.json", changed.ToJsonString()));
                try
                {
                    _ = TokenizerFactory.Create(files).Encode("a text", "and another", 16);
                }
                catch (InvalidDataException)
                {
                    // said what is wrong
                }

                tried++;
            }
        }

        Assert.IsGreaterThan(100, tried);
    }

    [TestMethod]
    [DataRow("""{"tokenizer_class": "BertTokenizer"}""", "2,4,3")]
    [DataRow("""{"tokenizer_class": "BertTokenizer", "do_lower_case": false}""", "2,6,3")]
    [DataRow("""{"tokenizer_class": "BertTokenizer", "strip_accents": false}""", "2,5,3")]
    [DataRow("""{"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false}""", "2,4,3", DisplayName = "only BERT's own class changes the file's settings")]
    public void Read_WordPiece_ConfigurationGoesFirst(string configuration, string expected)
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", WordPiece), ("tokenizer_config.json", configuration));

        Assert.AreEqual(expected, TokenizerFactory.Create(files).Ids("Caf\u00E9"));
    }

    [TestMethod]
    [DataRow("""{"direction": "Right"}""", "{}")]
    [DataRow("""{"direction": "Left"}""", """{"truncation_side": "right"}""", DisplayName = "the configuration goes first")]
    public void Read_TruncationAtTheRight_IsPassedOver(string truncation, string configuration)
    {
        var definition = JsonNode.Parse(WordPiece)!;
        definition["truncation"] = JsonNode.Parse(truncation);
        using var files = TokenizerFixtures.Files(("tokenizer.json", definition.ToJsonString()), ("tokenizer_config.json", configuration));

        Assert.AreEqual("2,4,3", TokenizerFactory.Create(files).Ids("cafe"));
    }

    [TestMethod]
    [DataRow("PreTrainedTokenizerFast", "true")]
    [DataRow("RobertaTokenizer", "true")]
    [DataRow("PreTrainedTokenizerFast", "false")]
    public void Read_BytePair_PrefixSpaceOfTheConfigurationGoesFirst(string tokenizerClass, string adds)
    {
        var definition = TokenizerFixtures.Definition("bpe-roberta");
        definition["pre_tokenizer"]!["add_prefix_space"] = adds == "false";
        using var files = TokenizerFixtures.Files(
            ("tokenizer.json", definition.ToJsonString()), ("tokenizer_config.json", $$"""{"tokenizer_class": "{{tokenizerClass}}", "add_prefix_space": {{adds}}}"""));

        var tokenizer = TokenizerFactory.Create(files);

        Assert.AreEqual(adds == "true", tokenizer.Ids("the film") == tokenizer.Ids(" the film"));
    }

    [TestMethod]
    public void Read_StepsInASequence_AreNotChangedByTheConfiguration()
    {
        var pieces = JsonNode.Parse(WordPiece)!;
        pieces["normalizer"] = new JsonObject { ["type"] = "Sequence", ["normalizers"] = new JsonArray(pieces["normalizer"]!.DeepClone()) };
        var bytes = TokenizerFixtures.Definition("bpe-roberta");
        bytes["pre_tokenizer"]!["add_prefix_space"] = false;
        bytes["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(bytes["pre_tokenizer"]!.DeepClone()) };
        using var pieceFiles = TokenizerFixtures.Files(
            ("tokenizer.json", pieces.ToJsonString()), ("tokenizer_config.json", """{"tokenizer_class": "BertTokenizer", "do_lower_case": false}"""));
        using var byteFiles = TokenizerFixtures.Files(
            ("tokenizer.json", bytes.ToJsonString()), ("tokenizer_config.json", """{"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true}"""));

        var tokenizer = TokenizerFactory.Create(byteFiles);

        Assert.AreEqual("2,4,3", TokenizerFactory.Create(pieceFiles).Ids("Caf\u00E9"));
        Assert.AreNotEqual(tokenizer.Ids(" the film"), tokenizer.Ids("the film"));
    }

    [TestMethod]
    public void Read_FurtherSpecialTokens_AreRecognisedInText()
    {
        const string configuration = """{"additional_special_tokens": ["##s", {"content": "[E]", "lstrip": true, "special": true}]}""";
        using var files = TokenizerFixtures.Files(("tokenizer.json", WordPiece), ("tokenizer_config.json", configuration));

        var tokenizer = TokenizerFactory.Create(files);

        Assert.AreEqual("2,4,7,4,8,4,3", tokenizer.Ids("cafe ##s cafe [E]cafe"));
        Assert.AreEqual(9, tokenizer.VocabularySize);
    }

    [TestMethod]
    public void Read_OldFileWithoutTypes_IsUnderstood()
    {
        using var files = TokenizerFixtures.Files(("tokenizer.json", WordPiece.Replace("\"type\": \"WordPiece\", ", "", StringComparison.Ordinal)));

        var tokenizer = TokenizerFactory.Create(files);

        Assert.AreEqual("2,4,7,3,4,3", tokenizer.Ids("cafes", "caf\u00E9"));
        Assert.AreEqual((8, 0), (tokenizer.VocabularySize, tokenizer.PadId));
    }

    [TestMethod]
    public void Read_NoPadToken_IsRefused() => AssertRefused("no token to fill", WordPiece.Replace("[PAD]", "[X]", StringComparison.Ordinal), null);

    private static void AssertRefused(string expected, string text, string? configuration)
    {
        (string, byte[])[] beside = configuration is null ? [] : [("tokenizer_config.json", Encoding.UTF8.GetBytes(configuration))];
        using var files = TokenizerFixtures.Files([("tokenizer.json", Encoding.UTF8.GetBytes(text)), .. beside]);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TokenizerFactory.Create(files));

        Assert.Contains(expected, exception.Message, StringComparison.OrdinalIgnoreCase);
    }

    private static IEnumerable<string> Paths(JsonNode? node, string path)
    {
        IEnumerable<(string Key, JsonNode? Value)> children = node switch
        {
            JsonObject value => value.Select(entry => (entry.Key, entry.Value)),
            JsonArray array => array.Select((value, n) => (n.ToString(CultureInfo.InvariantCulture), value)),
            _ => [],
        };
        return path is "model.vocab" or "model.merges" ? [path] : children.SelectMany(child =>
        {
            var below = path.Length == 0 ? child.Key : $"{path}.{child.Key}";
            return Paths(child.Value, below).Prepend(below);
        });
    }

    private static void Set(JsonObject root, string path, JsonNode? value)
    {
        var keys = path.Split('.');
        JsonNode node = root;
        foreach (var key in keys[..^1])
        {
            node = node is JsonArray array ? array[int.Parse(key, CultureInfo.InvariantCulture)]! : node[key]!;
        }

        if (node is JsonArray list)
        {
            list[int.Parse(keys[^1], CultureInfo.InvariantCulture)] = value;
        }
        else
        {
            node[keys[^1]] = value;
        }
    }
}
