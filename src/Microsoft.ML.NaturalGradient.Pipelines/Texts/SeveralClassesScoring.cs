using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Any number of C classes of a text.</summary>
/// <param name="format">The classes.</param>
internal sealed class SeveralClassesScoring(SeveralClassesFormat format) : TextScoring
{
    /// <inheritdoc/>
    public override SeveralClassesFormat Format => format;

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="host">The host.</param>
    /// <param name="reader">The model stream.</param>
    public static SeveralClassesScoring Load(IHost host, BinaryReader reader)
    {
        var labels = ClassLabels.Load(host, reader);
        return new(new SeveralClassesFormat(labels, [.. labels.Names.Select(_ => SavedNumber.Probability("threshold", reader.ReadSingle()))]));
    }

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        format.Labels.Save(host, writer);
        foreach (var threshold in format.Thresholds)
        {
            writer.Write(threshold);
        }
    }
}
