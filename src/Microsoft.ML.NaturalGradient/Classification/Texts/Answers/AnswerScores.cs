using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The answers to a row's question.</summary>
/// <param name="answers">The answers, the best first.</param>
internal sealed class AnswerScores(IReadOnlyList<AnswerSpan> answers) : RowScores([.. answers.Select(answer => answer.Score)])
{
    /// <summary>The answers, the best first.</summary>
    public IReadOnlyList<AnswerSpan> Answers { get; } = answers;
}
