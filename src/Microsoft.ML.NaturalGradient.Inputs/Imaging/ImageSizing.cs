namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>The sizes that a picture passes through.</summary>
internal sealed record ImageSizing
{
    /// <summary>Columns after resizing; null without resizing, or where <see cref="ShortestEdge"/> decides.</summary>
    public int? Width { get; init; }

    /// <summary>Rows after resizing; null like <see cref="Width"/>.</summary>
    public int? Height { get; init; }

    /// <summary>Length of the shorter side after resizing, which keeps the proportions; null if it does not decide.</summary>
    public int? ShortestEdge { get; init; }

    /// <summary>Columns that are cut out of the centre; null without cropping.</summary>
    public int? CropWidth { get; init; }

    /// <summary>Rows that are cut out of the centre; null without cropping.</summary>
    public int? CropHeight { get; init; }

    /// <summary>Columns of the result; null if the sizes leave it open.</summary>
    public int? OutputWidth => CropWidth ?? Width;

    /// <summary>Rows of the result; null if the sizes leave it open.</summary>
    public int? OutputHeight => CropHeight ?? Height;

    /// <summary>The same with another size of the result; what is resized before cropping changes in proportion.</summary>
    /// <param name="size">Columns and rows of the result.</param>
    public ImageSizing For(int size) => this with
    {
        Width = Width is { } width ? Scale(width, size, OutputWidth!.Value) : null,
        Height = Height is { } height ? Scale(height, size, OutputHeight!.Value) : null,
        ShortestEdge = ShortestEdge is { } edge ? Scale(edge, size, Math.Min(OutputWidth!.Value, OutputHeight!.Value)) : null,
        CropWidth = CropWidth is null ? null : size,
        CropHeight = CropHeight is null ? null : size,
    };

    /// <summary>The size of a picture after resizing.</summary>
    /// <param name="image">The picture.</param>
    /// <returns>Columns and rows; the longer side is rounded down where proportions are kept.</returns>
    /// <exception cref="InvalidDataException">The picture is so elongated that the result has no size.</exception>
    public (int Width, int Height) Resized(RgbImage image)
    {
        if (ShortestEdge is not { } edge)
        {
            return (Width ?? image.Width, Height ?? image.Height);
        }
        var longer = (long)edge * Math.Max(image.Width, image.Height) / Math.Min(image.Width, image.Height);
        if (longer > int.MaxValue)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"A picture of {image.Width} x {image.Height} pixels is too elongated to be resized. Remove it."));
        }
        return image.Width <= image.Height ? (edge, (int)longer) : ((int)longer, edge);
    }

    private static int Scale(int length, int size, int output) =>
        Math.Max(size, (int)Math.Round((double)length * size / output, MidpointRounding.AwayFromZero));
}
