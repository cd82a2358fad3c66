namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The answers to a row's question.</summary>
/// <param name="answers">The answers, the best first.</param>
internal sealed class AnswerScores(IReadOnlyList<FoundAnswer> answers) : RowScores([.. answers.Select(answer => answer.Score)])
{
    /// <summary>The answers, the best first.</summary>
    public IReadOnlyList<FoundAnswer> Answers { get; } = answers;
}
