using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A tag for each word of a text.</summary>
/// <param name="target">The tags.</param>
/// <param name="spans">What the names of the columns with entities begin with; null for none.</param>
internal sealed class TagTask(TagTarget target, string? spans) : TokenTask(HeadKind.Tokens)
{
    /// <inheritdoc/>
    public override TagTarget Target => target;

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public static TagTask Load(IHost host, BinaryReader reader)
    {
        var labels = ClassLabels.Load(host, reader);
        return new(new TagTarget(labels, reader.ReadBoolean()), reader.ReadBoolean() ? reader.ReadString() : null);
    }

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        target.Labels.Save(host, writer);
        writer.Write(target.MissingIsOutside);
        writer.Write(spans is not null);
        if (spans is not null)
        {
            writer.Write(spans);
        }
    }

    /// <inheritdoc/>
    public override TextTask FitTo(IReadOnlyCollection<RowLabel> labels) => new TagTask(target.For(labels), spans);

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) =>
        [.. base.Outputs(columns, input), .. spans is null ? [] : target.EntityOutputs(spans)];

    /// <inheritdoc/>
    public override Func<TextExample> OpenRow(DataViewRow row, TextColumns columns, TextEncoding encoding)
    {
        var read = WordReader.Open(row, columns.Sentence1);
        return () => new TaggedText(read(), encoding, target.OutputCount);
    }
}
