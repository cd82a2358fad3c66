using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Which row of a table of relative positions belongs to a distance: near ones each have their own, far ones share.</summary>
/// <remarks>
/// He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled Attention", ICLR 2021, eq. (3); the logarithmic buckets of version 2
/// are those of its published code, which computes them in float32: so do we, since a bucket is rounded up.
/// </remarks>
/// <param name="BucketCount">Buckets on each side, of which half are for single distances; null for one row per distance.</param>
/// <param name="Farthest">Number of distances that are told apart without buckets, or over which buckets are spread.</param>
internal sealed record RelativePositions(int? BucketCount, int Farthest)
{
    /// <summary>Rows S of the table on each side of distance zero; it has 2·S.</summary>
    public int Span => BucketCount ?? Farthest;

    /// <summary>Finds the row for each pair of positions.</summary>
    /// <param name="tokens">Tokens T.</param>
    /// <param name="device">Where the result goes.</param>
    /// <returns>Row for query i and key j, from 0 to 2·S − 1, [T, T], int64.</returns>
    public Tensor Rows(long tokens, Device device)
    {
        var rows = new long[tokens, tokens];
        for (var distance = 1 - tokens; distance < tokens; distance++)
        {
            var row = Math.Clamp(Bucket(distance) + Span, 0, (2L * Span) - 1);
            for (var i = Math.Max(0, distance); i < Math.Min(tokens, tokens + distance); i++)
            {
                rows[i, i - distance] = row;
            }
        }

        return tensor(rows, device: device);
    }

    private long Bucket(long distance)
    {
        var middle = (BucketCount ?? 0) / 2;
        if (BucketCount is null || Math.Abs(distance) <= middle)
        {
            return distance;
        }

        var share = MathF.Log((float)Math.Abs(distance) / middle) / MathF.Log((float)(Farthest - 1) / middle);
        return Math.Sign(distance) * ((long)MathF.Ceiling(share * (middle - 1)) + middle);
    }
}
