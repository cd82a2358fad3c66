using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Pipelines;

[TestClass]
public sealed class QuestionedTextTests
{
    [TestMethod]
    [DataRow(2, "film was")]
    [DataRow(30, "film was very good")]
    [DataRow(int.MaxValue, "film was very good")]
    public void Combine_LongestAnswer_LimitsWhatIsFound(int mostTokens, string expected)
    {
        using var files = new FolderCheckpointFiles(TinyText.Folder);
        var tokenizer = TokenizerFactory.Create(files, null);
        var text = new QuestionedText("what was it", "the film was very good", new TextEncoding(tokenizer, 20), new AnswerSearch(1, mostTokens));
        var ids = text.Windows.Single().Ids;
        var logits = new float[2 * ids.Length];
        var first = ids.Length - 6; // five words and [SEP]
        (logits[2 * (first + 1)], logits[(2 * (first + 4)) + 1], logits[(2 * (first + 2)) + 1]) = (9, 9, 6); // begins with film, ends with good, or else with was

        var answers = (AnswerScores)text.Combine([logits]);

        Assert.AreEqual(expected, answers.Answers.Single().Text);
    }
}
