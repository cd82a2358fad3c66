using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Attention whose scores add how content and relative position attend to each other.</summary>
/// <remarks>
/// He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled Attention", ICLR 2021, eq. (4):
/// score(i, j) = (q_i·k_j + q_i·r^k_δ(i,j) + k_j·r^q_δ(i,j)) / √(d·terms). The paper has δ(j,i) in the last term; its published code, with
/// which the checkpoints were trained, reads row δ(i,j) there, and so do we. Always written out: the last two terms leave no
/// fused kernel to use.
/// </remarks>
internal sealed class DisentangledAttention : nn.Module<Tensor, DisentangledContext, Tensor>, IOnnxContextLayer
{
    private readonly DebertaV2Config _config;

    [ComponentName(Name = "query_proj")]
    private readonly LinearLayer _query;

    [ComponentName(Name = "key_proj")]
    private readonly LinearLayer _key;

    [ComponentName(Name = "value_proj")]
    private readonly LinearLayer _value;

    [ComponentName(Name = "pos_key_proj")]
    private readonly LinearLayer? _positionKey;

    [ComponentName(Name = "pos_query_proj")]
    private readonly LinearLayer? _positionQuery;

    /// <summary>Creates the layer with zero weights.</summary>
    /// <param name="config">Sizes and which terms the scores have.</param>
    public DisentangledAttention(DebertaV2Config config)
        : base(nameof(DisentangledAttention))
    {
        _config = config;
        var width = config.Sizes.HiddenSize;
        var ownProjections = config.IsRelative && !config.SharesProjections;
        _query = new LinearLayer(width, width);
        _key = new LinearLayer(width, width);
        _value = new LinearLayer(width, width);
        _positionKey = ownProjections && config.HasContentToPosition ? new LinearLayer(width, width) : null;
        _positionQuery = ownProjections && config.HasPositionToContent ? new LinearLayer(width, width) : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, DisentangledContext context)
    {
        var heads = _config.Sizes.HeadCount;
        var value = MultiHeadAttention.Split(_value.call(input), heads); // [N, H, T, d]
        var terms = 1 + (_config.HasContentToPosition ? 1 : 0) + (_config.HasPositionToContent ? 1 : 0);
        var scale = 1 / Math.Sqrt(value.shape[3] * terms);
        var query = MultiHeadAttention.Split(_query.call(input), heads).flatten(0, 1).Times(scale); // [N·H, T, d]
        var key = MultiHeadAttention.Split(_key.call(input), heads).flatten(0, 1); // [N·H, T, d]
        var scores = query.bmm(key.transpose(1, 2)); // [N·H, T, T]
        if (context is { Table: { } table, Rows: { } rows })
        {
            if (_config.HasContentToPosition)
            {
                var positions = Positions(_positionKey ?? _key, table, value.shape[0]);
                scores = scores.Plus(Pick(query.bmm(positions), rows));
            }

            if (_config.HasPositionToContent)
            {
                var positions = Positions(_positionQuery ?? _query, table, value.shape[0]);
                scores = scores.Plus(Pick(key.Times(scale).bmm(positions), rows.t()).transpose(1, 2));
            }
        }

        return MultiHeadAttention.Merge(MultiHeadAttention.Average(scores, value, context.Mask));
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        var heads = _config.Sizes.HeadCount;
        var value = graph.SplitHeads(_value.Emit(graph, input), heads); // [N, H, T, d]
        var terms = 1 + (_config.HasContentToPosition ? 1 : 0) + (_config.HasPositionToContent ? 1 : 0);
        var scale = graph.Scalar(1 / Math.Sqrt(value.Width.Value * terms));
        var query = graph.Mul(graph.SplitHeads(_query.Emit(graph, input), heads), scale); // [N, H, T, d]
        var key = graph.SplitHeads(_key.Emit(graph, input), heads); // [N, H, T, d]
        var scores = graph.MatMul(query, graph.Transpose(key, 0, 1, 3, 2)); // [N, H, T, T]
        if (context is { Table: { } table, Rows: { } rows })
        {
            if (_config.HasContentToPosition)
            {
                scores = graph.Add(scores, Pick(query, _positionKey ?? _key, rows));
            }

            if (_config.HasPositionToContent)
            {
                var picked = Pick(graph.Mul(key, scale), _positionQuery ?? _query, graph.Transpose(rows, 1, 0));
                scores = graph.Add(scores, graph.Transpose(picked, 0, 1, 3, 2));
            }

            OnnxValue Pick(OnnxValue states, LinearLayer projection, OnnxValue places)
            {
                var positions = graph.SplitHeads(projection.Emit(graph, table), heads, transposed: true); // [1, H, d, 2·S]
                return graph.GatherLast(graph.MatMul(states, positions), graph.ExpandLike(places, scores)); // [N, H, T, T]
            }
        }

        return graph.MergeHeads(graph.MatMul(graph.Softmax(graph.Add(scores, context.Mask!)), value));
    }

    // For each pair of positions, the score with the row that belongs to their distance: [N·H, T, 2·S] -> [N·H, T, T].
    private static Tensor Pick(Tensor scores, Tensor rows) => scores.gather(-1, rows.unsqueeze(0).expand(scores.shape[0], -1, -1));

    private Tensor Positions(LinearLayer projection, Tensor table, long samples)
    {
        using var apart = PackedRows.Leave();
        using var sharing = RowWindow.Share();
        var shared = SharedTable.NeedsCopies(projection) ? table.expand(samples, -1, -1) : table;
        var split = MultiHeadAttention.Split(projection.call(shared), _config.Sizes.HeadCount); // [1 or N, H, 2·S, d]
        return split.expand(samples, -1, -1, -1).flatten(0, 1).transpose(1, 2); // [N·H, d, 2·S]
    }
}
