using Microsoft.ML.NaturalGradient.Models.Onnx;
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
            var row = Row(distance);
            for (var i = Math.Max(0, distance); i < Math.Min(tokens, tokens + distance); i++)
            {
                rows[i, i - distance] = row;
            }
        }

        return tensor(rows, device: device);
    }

    /// <summary>Writes <see cref="Rows"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="states">What attends to itself, [N, T, D].</param>
    /// <returns>Row for query i and key j, [T, T], int64.</returns>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue states)
    {
        var last = (long)Farthest; // all farther distances have the same row
        while (Row(last) != (2L * Span) - 1 || Row(-last) != 0)
        {
            last++;
        }

        var rows = Enumerable.Range(0, (int)(2 * last) + 1).Select(place => Row(place - last)).ToArray();
        var table = graph.Numbers("row_by_distance", OnnxElementType.Int64, () => tensor(rows, device: CPU), rows.Length);
        var positions = graph.Indices(states, 1); // [T]
        var distances = graph.Sub(graph.Unsqueeze(positions, 1), graph.Unsqueeze(positions, 0)); // [T, T]
        return graph.Gather(table, graph.Add(graph.Clip(distances, graph.Integer(-last), graph.Integer(last)), graph.Integer(last)));
    }

    private long Row(long distance) => Math.Clamp(Bucket(distance) + Span, 0, (2L * Span) - 1);

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
