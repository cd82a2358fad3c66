using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>What each head adds to the score of two positions: one learned number per bucket of distances.</summary>
/// <remarks>
/// Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", JMLR 2020, section 2.1. Near
/// distances have a bucket each, farther ones share logarithmically wider buckets. The published models computed the logarithm in
/// float32, and a bucket is rounded down: so it is here.
/// </remarks>
internal sealed class RelativePositionBias : nn.Module
{
    private readonly bool _bothWays;
    private readonly int _buckets;
    private readonly int _farthest;

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [R, H]

    /// <summary>Creates a table of zeros, to be filled from a checkpoint.</summary>
    /// <param name="rows">Rows R of the table, at least as many as buckets.</param>
    /// <param name="heads">Heads H.</param>
    /// <param name="buckets">Buckets B.</param>
    /// <param name="farthest">Distance from which on all positions share a bucket.</param>
    /// <param name="bothWays">Whether later positions have buckets of their own (encoder) or are never seen (decoder).</param>
    public RelativePositionBias(int rows, int heads, int buckets, int farthest, bool bothWays)
        : base(nameof(RelativePositionBias))
    {
        _bothWays = bothWays;
        _buckets = buckets;
        _farthest = farthest;
        _weight = NewParameter.Zeros(rows, heads);
        RegisterComponents();
    }

    /// <summary>Computes the bias of all pairs of positions, for every layer of the stack.</summary>
    /// <remarks>
    /// While a trained table is recorded each sample gathers from its own copy, so that its gradient can be told apart: one
    /// [N, H, T, T] tensor for the whole stack. Otherwise all samples share one of [1, H, T, T].
    /// </remarks>
    /// <param name="samples">Samples N.</param>
    /// <param name="tokens">Positions T.</param>
    /// <returns>[N or 1, H, T, T]; rows are queries.</returns>
    public Tensor Bias(long samples, long tokens)
    {
        var table = _weight.unsqueeze(0); // [1, R, H]
        if (GradientTape.Current is { } tape && _weight.requires_grad)
        {
            table = tape.Record(table.expand(samples, -1, -1), new BroadcastUse(_weight)); // [N, R, H]
        }

        return table.index_select(1, Rows(tokens)).view(table.shape[0], tokens, tokens, -1).permute(0, 3, 1, 2); // [N or 1, H, T, T]
    }

    /// <summary>Writes <see cref="Bias"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="states">What attends to itself, [N, T, D].</param>
    /// <returns>[1, H, T, T]; rows are queries.</returns>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue states)
    {
        using var scope = graph.Enter(this);
        var table = graph.Weight("weight_by_distance", ByDistance, (2 * _farthest) + 1, _weight.shape[1]);
        var positions = graph.Indices(states, 1); // [T]
        var ahead = graph.Sub(graph.Unsqueeze(positions, 0), graph.Unsqueeze(positions, 1)); // [T, T]
        var rows = graph.Add(graph.Clip(ahead, graph.Integer(-_farthest), graph.Integer(_farthest)), graph.Integer(_farthest));
        return graph.Unsqueeze(graph.Transpose(graph.Gather(table, rows), 2, 0, 1), 0);
    }

    /// <summary>Finds the bucket of a distance.</summary>
    /// <param name="ahead">Position of the key minus that of the query.</param>
    /// <param name="count">Buckets B.</param>
    /// <param name="farthest">Distance from which on all share a bucket.</param>
    /// <param name="bothWays">Whether keys after the query have the upper half of the buckets, or all are in bucket 0.</param>
    /// <returns>The bucket, from 0 to B − 1.</returns>
    internal static long Bucket(long ahead, long count, int farthest, bool bothWays)
    {
        var side = bothWays ? count / 2 : count;
        var first = bothWays && ahead > 0 ? side : 0;
        var distance = bothWays ? Math.Abs(ahead) : Math.Max(0, -ahead);
        var exact = side / 2; // distances with a bucket each
        if (distance < exact)
        {
            return first + distance;
        }

        var steps = MathF.Log((float)distance / exact) / (float)Math.Log((double)farthest / exact) * (side - exact);
        return first + Math.Min(exact + (long)steps, side - 1);
    }

    // The bias of each distance, from the farthest that is behind to the farthest that is ahead, [2·F + 1, H].
    private Tensor ByDistance() => _weight.index_select(
        0, tensor([.. Enumerable.Range(-_farthest, (2 * _farthest) + 1).Select(ahead => Bucket(ahead, _buckets, _farthest, _bothWays))], device: _weight.device));

    private Tensor Rows(long tokens)
    {
        var rows = new long[tokens * tokens];
        for (var ahead = 1 - tokens; ahead < tokens; ahead++)
        {
            var row = Bucket(ahead, _buckets, _farthest, _bothWays);
            for (var query = Math.Max(0, -ahead); query < Math.Min(tokens, tokens - ahead); query++)
            {
                rows[(query * tokens) + query + ahead] = row;
            }
        }

        return tensor(rows, device: _weight.device); // [T·T]
    }
}
