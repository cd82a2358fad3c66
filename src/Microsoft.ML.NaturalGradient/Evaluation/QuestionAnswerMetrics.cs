namespace Microsoft.ML.NaturalGradient;

/// <summary>How well answers agree with references: what <c>EvaluateQuestionAnswers</c> returns.</summary>
/// <remarks>
/// <para>The rules of SQuAD (Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text", EMNLP 2016). Both texts are normalised: lower case, ASCII punctuation removed, the
/// articles a, an and the removed, white space made single. Where a question has several references, the best counts.</para>
/// <para>Questions without an answer (Rajpurkar et al., "Know What You Don't Know", ACL 2018): no reference, or only references of which normalising leaves nothing. The empty prediction is right for
/// them, and wrong for all others; references of which nothing is left do not count beside others.</para>
/// </remarks>
public sealed class QuestionAnswerMetrics
{
    internal QuestionAnswerMetrics()
    {
    }

    /// <summary>Share of the rows whose prediction equals a reference after normalising.</summary>
    /// <value>From 0 to 1; SQuAD's own script multiplies it by 100.</value>
    public double ExactMatch { get; internal init; }

    /// <summary>Mean over the rows of the F1 of the words of prediction and reference, each word as often as it occurs.</summary>
    /// <value>From 0 to 1, at least <see cref="ExactMatch"/>; SQuAD's own script multiplies it by 100.</value>
    public double F1 { get; internal init; }

    /// <summary>Rows.</summary>
    /// <value>At least 1.</value>
    public long Count { get; internal init; }

    /// <summary>The metrics in one line.</summary>
    public override string ToString() => FormattableString.Invariant($"exact match {ExactMatch:F3}, F1 {F1:F3}, {Count} questions");
}
