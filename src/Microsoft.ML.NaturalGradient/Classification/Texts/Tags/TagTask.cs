using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A tag for each word of a text.</summary>
/// <param name="target">The tags.</param>
/// <param name="spans">What the names of the columns with entities begin with; null for none.</param>
internal sealed class TagTask(TagTarget target, string? spans) : TokenTask(HeadKind.Tokens)
{
    /// <inheritdoc/>
    public override TagTarget Target => target;

    /// <inheritdoc/>
    public override TagScoring Scoring { get; } = new(target.Format, spans);

    /// <inheritdoc/>
    public override TextTask FitTo(IReadOnlyCollection<RowLabel> labels) => new TagTask(target.For(labels), spans);
}
