namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Decodes pictures once, in parallel, and fills a cache with them.</summary>
internal static class ImageIngest
{
    private const int AheadPerThread = 2;

    /// <summary>Decodes, prepares and keeps pictures, in their order.</summary>
    /// <param name="sources">The pictures; read on the caller's thread.</param>
    /// <param name="prepare">Makes the decoded picture smaller; called on several threads at once.</param>
    /// <param name="cache">Takes the pictures that can be read.</param>
    /// <param name="options">How they are read.</param>
    /// <param name="onSkipped">Is told the position and the problem of each picture that is skipped, in order, on the caller's thread.</param>
    /// <param name="cancellationToken">Ends the work by an exception.</param>
    /// <returns>Index in the cache for each position; −1 for pictures that were skipped.</returns>
    /// <exception cref="InvalidDataException">A picture cannot be read, and such pictures are not to be skipped.</exception>
    /// <exception cref="IOException">The same for a file, or the cache cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static int[] Fill(
        IEnumerable<ImageSource> sources, Func<RgbImage, RgbImage> prepare, PixelCache cache, ImageIngestOptions options,
        Action<int, string> onSkipped, CancellationToken cancellationToken = default)
    {
        var indices = new List<int>();
        var results = OrderedPrefetch.Run(
            sources, source => TryRead(source, prepare, options), options.Parallelism, AheadPerThread * options.Parallelism, cancellationToken);
        foreach (var (image, problem) in results)
        {
            if (image is null)
            {
                onSkipped(indices.Count, problem);
            }
            indices.Add(image is null ? -1 : cache.Add(image));
        }
        return [.. indices];
    }

    private static (RgbImage? Image, string Problem) TryRead(
        ImageSource source, Func<RgbImage, RgbImage> prepare, ImageIngestOptions options)
    {
        try
        {
            return (source.Read(prepare, options.MaxPixels), "");
        }
        catch (Exception e) when (options.Unreadable == UnreadableImages.Skip && ImageDecoder.IsUnreadable(e))
        {
            return (null, e.Message);
        }
    }
}
