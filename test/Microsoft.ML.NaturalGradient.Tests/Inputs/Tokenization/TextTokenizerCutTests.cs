using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>Long texts are read part by part; the ids are those of the text as a whole.</summary>
[TestClass]
public sealed class TextTokenizerCutTests
{
    private const int PartLength = 8192;
    private const string Bert = """{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}""";

    /// <summary>8,192 times "a" and then a text; number of ids and the last four by Hugging Face tokenizers 0.23.2, without special tokens.</summary>
    [TestMethod]
    [DataRow("""{"type": "Strip", "strip_left": true, "strip_right": false}""", "", " b", 8193, "101,101,101,279")]
    [DataRow("""{"type": "Strip", "strip_left": true, "strip_right": true}""", "", " b  ", 8193, "101,101,101,279")]
    [DataRow("""{"type": "Replace", "pattern": {"String": "a b"}, "content": "c"}""", "", " b", 8191, "101,101,101,334")]
    [DataRow("""{"type": "Replace", "pattern": {"String": "x"}, "content": ""}""", "", "x  b", 8194, "101,101,36,279")]
    [DataRow("""{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}""", "", "\u200B  b", 8195, "101,451,143,279")]
    [DataRow("""{"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"}]}""", "", "\u00B4  b", 8195, "101,36,36,279")]
    [DataRow(Bert, "", "\u0001  b", 8194, "101,101,36,279")]
    [DataRow("null", """{"id": 1761, "content": "[X]", "rstrip": true, "normalized": true}""", "[X]  b", 8194, "101,101,1761,102")]
    [DataRow(Bert, """{"id": 1761, "content": "[x]", "lstrip": true, "normalized": true}""", " \u0001 [X]b", 8194, "101,101,1761,102")]
    [DataRow("""{"type": "Lowercase"}""", """{"id": 1761, "content": "a b", "normalized": true}""", " b", 8192, "101,101,101,1761")]
    public void Encode_TextThatCouldBeTornAtItsCut_EqualsReference(string normalizer, string token, string tail, int count, string lastIds)
    {
        var definition = TokenizerFixtures.Definition("bpe-roberta");
        definition["normalizer"] = JsonNode.Parse(normalizer);
        if (token.Length > 0)
        {
            definition["added_tokens"]!.AsArray().Add(JsonNode.Parse(token));
        }

        using var files = TokenizerFixtures.Files(("tokenizer.json", definition.ToJsonString()));
        var ids = TokenizerFactory.Create(files).Encode(new string('a', PartLength) + tail, null, int.MaxValue).Ids[1..^1];

        Assert.AreEqual((count, lastIds), (ids.Length, string.Join(',', ids[^4..])));
    }

    // What allows texts to be cut between these and a space.
    [TestMethod]
    public void Normalize_LetterDigitOrSymbol_NeverEndsInWhiteSpace()
    {
        var bert = new BertNormalizer(lowercase: true, stripAccents: true, separateIdeographs: false);
        foreach (var character in Enumerable.Range(0x21, 0xFFFF - 0x21).Select(code => (char)code).Where(character => character < '\u007F' || char.IsLetterOrDigit(character)))
        {
            var text = character.ToString();
            foreach (var form in Enum.GetValues<NormalizationForm>())
            {
                Assert.IsFalse(char.IsWhiteSpace(UnicodeText.Normalize(text, form)[^1]), $"U+{(int)character:X4}");
            }

            Assert.IsFalse(char.IsWhiteSpace(bert.Normalize(text)[^1]), $"U+{(int)character:X4}");
        }
    }
}
