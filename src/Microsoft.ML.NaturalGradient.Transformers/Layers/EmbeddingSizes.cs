namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The sizes of <see cref="TokenEmbeddings"/>.</summary>
internal sealed record EmbeddingSizes
{
    public required int VocabularySize { get; init; }

    /// <summary>Rows of the table of positions; 0 for none.</summary>
    public required int PositionCount { get; init; }

    /// <summary>Rows of the table of segments; 0 for none.</summary>
    public int SegmentCount { get; init; }

    /// <summary>Width of the tables.</summary>
    public required int Width { get; init; }

    /// <summary>Width of the result, to which the sum is projected where it differs.</summary>
    public required int OutputWidth { get; init; }

    public required double LayerNormEpsilon { get; init; }

    /// <summary>Tables as wide as the encoder, with positions and without segments.</summary>
    public static EmbeddingSizes Of(EncoderSizes sizes) => new()
    {
        VocabularySize = sizes.VocabularySize,
        PositionCount = sizes.PositionCount,
        Width = sizes.HiddenSize,
        OutputWidth = sizes.HiddenSize,
        LayerNormEpsilon = sizes.LayerNormEpsilon,
    };
}
