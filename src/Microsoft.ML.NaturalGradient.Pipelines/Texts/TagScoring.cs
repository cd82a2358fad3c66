using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A tag for each word of a text.</summary>
/// <param name="format">The tags.</param>
/// <param name="spans">What the names of the columns with entities begin with; null for no such columns.</param>
internal sealed class TagScoring(TagFormat format, string? spans) : TextScoring
{
    /// <inheritdoc/>
    public override TagFormat Format => format;

    /// <summary>What the names of the columns with entities begin with; null for no such columns.</summary>
    public string? Spans => spans;

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="host">The host.</param>
    /// <param name="reader">The model stream.</param>
    public static TagScoring Load(IHost host, BinaryReader reader)
    {
        var labels = ClassLabels.Load(host, reader, LabelKind.Tags.FewestClasses);
        return new(new TagFormat(labels, reader.ReadBoolean()), reader.ReadBoolean() ? reader.ReadString() : null);
    }

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        format.Labels.Save(host, writer);
        writer.Write(format.MissingIsOutside);
        writer.Write(spans is not null);
        if (spans is not null)
        {
            writer.Write(spans);
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) =>
        [.. base.Outputs(columns, input), .. spans is null ? [] : format.EntityOutputs(spans)];

    /// <inheritdoc/>
    public override Func<TextExample> OpenRow(DataViewRow row, TextColumns columns, TextEncoding encoding)
    {
        var read = WordReader.Open(row, columns.Sentence1);
        return () => new TaggedText(read(), encoding, format.OutputCount);
    }
}
