using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A number for a text or a pair.</summary>
internal sealed class NumberScoring : TextScoring
{
    /// <inheritdoc/>
    public override NumberFormat Format { get; } = new();

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
    }
}
