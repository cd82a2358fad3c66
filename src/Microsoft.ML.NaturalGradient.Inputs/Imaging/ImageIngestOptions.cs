namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>How pictures are read.</summary>
internal sealed record ImageIngestOptions
{
    /// <summary>Most pixels of a picture before it is resized.</summary>
    /// <value>Greater than zero. The default is 100 million.</value>
    public long MaxPixels { get; init; } = ImageDecoder.DefaultMaxPixels;

    /// <summary>What happens to pictures that cannot be read.</summary>
    /// <value>They are skipped by default.</value>
    public UnreadableImages Unreadable { get; init; }

    /// <summary>Pictures that are decoded at once.</summary>
    /// <value>Greater than zero. The default is the number of processors.</value>
    public int Parallelism { get; init; } = Environment.ProcessorCount;
}
