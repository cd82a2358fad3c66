using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The part of a text that answers a question.</summary>
/// <param name="target">The answers.</param>
/// <param name="search">How they are looked for.</param>
internal sealed class AnswerTask(SpanTarget target, AnswerSearch search) : TokenTask(HeadKind.Spans)
{
    /// <inheritdoc/>
    public override SpanTarget Target => target;

    /// <inheritdoc/>
    public override AnswerScoring Scoring { get; } = new(search);

    /// <inheritdoc/>
    public override TextTask FitTo(IReadOnlyCollection<RowLabel> labels) => new AnswerTask(target.For(labels), search);
}
