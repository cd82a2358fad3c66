using Microsoft.ML.NaturalGradient.Tests.Models.T5;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class PromptTemplateTests
{
    [TestMethod]
    public void Fill_BuiltIn_GivesTheTextThatT5WasTrainedWith()
    {
        Assert.AreEqual("cola sentence: A b.", PromptTemplate.Cola.Fill("A b.", null));
        Assert.AreEqual("sst2 sentence: A b.", PromptTemplate.Sst2.Fill("A b.", null));
        Assert.AreEqual("mrpc sentence1: A. sentence2: B.", PromptTemplate.Mrpc.Fill("A.", "B."));
        Assert.AreEqual("stsb sentence1: A. sentence2: B.", PromptTemplate.Stsb.Fill("A.", "B."));
        Assert.AreEqual("qqp question1: A? question2: B?", PromptTemplate.Qqp.Fill("A?", "B?"));
        Assert.AreEqual("mnli hypothesis: B. premise: A.", PromptTemplate.Mnli.Fill("A.", "B."));
        Assert.AreEqual("qnli question: A? sentence: B.", PromptTemplate.Qnli.Fill("A?", "B."));
        Assert.AreEqual("rte sentence1: A. sentence2: B.", PromptTemplate.Rte.Fill("A.", "B."));
        Assert.AreEqual("wnli sentence1: A. sentence2: B.", PromptTemplate.Wnli.Fill("A.", "B."));
    }

    [TestMethod]
    public void Fill_Default_HasAllTexts()
    {
        Assert.AreEqual("A b.", PromptTemplate.Default(hasPair: false).Fill("A b.", null));
        Assert.AreEqual("sentence1: A. sentence2: B.", PromptTemplate.Default(hasPair: true).Fill("A.", "B."));
    }

    [TestMethod]
    public void Fill_TextWithPlaces_IsLeftAsItIs()
    {
        var template = new PromptTemplate("{sentence2}, {sentence1}, {sentence1}");

        Assert.AreEqual("{sentence1} {x}, $1 {sentence2}, $1 {sentence2}", template.Fill("$1 {sentence2}", "{sentence1} {x}"));
    }

    [TestMethod]
    [DataRow("{sentence1} {label}", "'{label}'")]
    [DataRow("{Sentence1}", "'{Sentence1}'")]
    [DataRow("{sentence1} {", "'{'")]
    [DataRow("}{sentence1}", "'}'")]
    [DataRow("a question", "no {sentence1}")]
    [DataRow("", "no {sentence1}")]
    [DataRow("{sentence2}", "no {sentence1}")]
    public void Constructor_WrongPlaces_SaysWhich(string text, string problem)
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => new PromptTemplate(text));

        StringAssert.Contains(exception.Message, problem);
    }

    [TestMethod]
    public void Check_Columns_FitTheTemplate()
    {
        PromptTemplate.Rte.Check(hasPair: true);
        PromptTemplate.Cola.Check(hasPair: false);

        var missing = Assert.ThrowsExactly<ArgumentException>(() => PromptTemplate.Rte.Check(hasPair: false));
        var unread = Assert.ThrowsExactly<ArgumentException>(() => PromptTemplate.Cola.Check(hasPair: true));

        StringAssert.Contains(missing.Message, "no second column");
        StringAssert.Contains(unread.Message, "would not be read");
    }

    [TestMethod]
    public void Encode_PromptTokenizer_ReadsTheFilledTemplate()
    {
        var inner = new WordTokenizer("say", "a", "b");
        var tokenizer = new PromptTokenizer(inner, new PromptTemplate("say {sentence1} b {sentence2}"));

        var tokens = tokenizer.Encode("a", "b a", 10);

        CollectionAssert.AreEqual(new[] { 5, 6, 7, 7, 6, 1 }, tokens.Ids);
        Assert.IsFalse(tokens.Truncated);
        Assert.IsTrue(tokenizer.Encode("a", "b a", 4).Truncated);
        Assert.AreEqual((inner.PadId, inner.VocabularySize), (tokenizer.PadId, tokenizer.VocabularySize));
    }
}
