using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The normalised sum of a token's own vector and, where there are tables, those of its segment and position.</summary>
internal sealed class TokenEmbeddings : nn.Module
{
    private readonly int _segmentCount;

    [ComponentName(Name = "word_embeddings")]
    private readonly EmbeddingLayer _words;

    [ComponentName(Name = "position_embeddings")]
    private readonly EmbeddingLayer? _positions;

    [ComponentName(Name = "token_type_embeddings")]
    private readonly EmbeddingLayer? _segments;

    [ComponentName(Name = "embed_proj")]
    private readonly LinearLayer? _projection;

    [ComponentName(Name = "LayerNorm")]
    private readonly NormalizationLayer _norm;

    /// <summary>Creates the tables with zeros, to be filled from a checkpoint.</summary>
    /// <param name="sizes">Which tables there are.</param>
    public TokenEmbeddings(EmbeddingSizes sizes)
        : base(nameof(TokenEmbeddings))
    {
        _segmentCount = sizes.SegmentCount;
        _words = new EmbeddingLayer(sizes.VocabularySize, sizes.Width);
        _positions = sizes.PositionCount == 0 ? null : new EmbeddingLayer(sizes.PositionCount, sizes.Width);
        _segments = sizes.SegmentCount == 0 ? null : new EmbeddingLayer(sizes.SegmentCount, sizes.Width);
        _projection = sizes.Width == sizes.OutputWidth ? null : new LinearLayer(sizes.Width, sizes.OutputWidth, bias: false);
        _norm = new NormalizationLayer(sizes.OutputWidth, sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <summary>Positions counted from zero.</summary>
    /// <param name="ids">Token ids, [N, T].</param>
    /// <returns>0, 1, ..., [N, T].</returns>
    public static Tensor Positions(Tensor ids) => TensorMath.Indices(ids.shape[1], ids.device).expand(ids.shape);

    /// <summary>Positions of RoBERTa: the k-th token that is not padding, k from 1, has the position of the padding token's id plus k.</summary>
    /// <param name="paddingId">Id of the padding token, which is also the position of padding.</param>
    /// <param name="ids">Token ids, [N, T].</param>
    /// <returns>The positions, [N, T].</returns>
    public static Tensor PositionsAfter(long paddingId, Tensor ids)
    {
        using var padding = tensor(paddingId, ScalarType.Int64, ids.device);
        var isToken = ids.ne(padding).to(ScalarType.Int64); // [N, T]
        return isToken.cumsum(1).mul(isToken).Plus(padding);
    }

    /// <summary>Writes <see cref="PositionsAfter"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="paddingId">Id of the padding token.</param>
    /// <param name="ids">Token ids, [N, T].</param>
    /// <returns>The positions, [N, T], int64.</returns>
    public static OnnxValue EmitPositionsAfter(OnnxGraph graph, long paddingId, OnnxValue ids)
    {
        using var scope = graph.Enter("positions");
        var isToken = graph.Cast(graph.Not(graph.Equal(ids, graph.Integer(paddingId))), OnnxElementType.Int64); // [N, T]
        return graph.Add(graph.Mul(graph.CumulativeSum(isToken, 1), isToken), graph.Integer(paddingId));
    }

    /// <summary>Writes <see cref="Embed"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="tokens">The texts.</param>
    /// <param name="positions">Positions, [T] or [N, T]; null counts from zero.</param>
    /// <returns>[N, T, D].</returns>
    public OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens, OnnxValue? positions = null)
    {
        using var scope = graph.Enter(this);
        var sum = _words.Emit(graph, tokens.Ids);
        if (_segments is not null)
        {
            sum = graph.Add(sum, _segmentCount == 1 ? _segments.EmitRow(graph, 0) : _segments.Emit(graph, tokens.TypeIds));
        }

        if (_positions is not null)
        {
            sum = graph.Add(sum, _positions.Emit(graph, positions ?? graph.Indices(tokens.Ids, 1)));
        }

        return _norm.Emit(graph, _projection is null ? sum : _projection.Emit(graph, sum));
    }

    /// <summary>Looks up a batch.</summary>
    /// <param name="ids">Token ids, [N, T].</param>
    /// <param name="typeIds">Segments, [N, T]; not read without a table, and taken as zero where it has one row.</param>
    /// <param name="positions">Positions, [N, T]; not read without a table.</param>
    /// <returns>[N, T, D]; in the caller's dispose scope.</returns>
    public Tensor Embed(Tensor ids, Tensor? typeIds, Tensor? positions)
    {
        var sum = _words.call(ids);
        if (_segments is not null)
        {
            // A tokenizer may tell the two texts of a pair apart for a model that does not.
            sum = sum.Plus(_segments.call(_segmentCount == 1 ? zeros_like(ids) : typeIds!));
        }

        if (_positions is not null)
        {
            sum = sum.Plus(_positions.call(positions!));
        }

        return _norm.call(_projection is null ? sum : _projection.call(sum));
    }
}
