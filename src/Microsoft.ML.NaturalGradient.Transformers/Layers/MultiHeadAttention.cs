using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Attention in several heads: softmax(QKᵀ/√d + mask)·V for each.</summary>
/// <remarks>
/// Vaswani et al., "Attention Is All You Need", NIPS 2017, eq. (1). Written out for short sequences, where that is quickest; one
/// fused kernel from <see cref="FusedFrom"/> tokens on, which is up to twice as fast and never holds the N·H·T² weights. Both give
/// the same numbers but for rounding. The fused kernel can be differentiated once only: see <see cref="ForceExplicit"/>.
/// </remarks>
internal static class MultiHeadAttention
{
    /// <summary>Tokens from which on the fused kernel is used.</summary>
    public const int FusedFrom = 128;

    [ThreadStatic]
    private static bool _isExplicitForced;

    /// <summary>Lets this thread write attention out for every length, so that gradients can be differentiated again.</summary>
    /// <returns>Ends this when disposed.</returns>
    public static IDisposable ForceExplicit()
    {
        var forced = new Forced(_isExplicitForced);
        _isExplicitForced = true;
        return forced;
    }

    /// <summary>Attends, from and to vectors of all heads side by side.</summary>
    /// <param name="query">Q, [N, T, D].</param>
    /// <param name="key">K, [N, T, D].</param>
    /// <param name="value">V, [N, T, D].</param>
    /// <param name="heads">Heads H; D is a multiple of it.</param>
    /// <param name="mask">Additive mask that broadcasts to [N, H, T, T]; null for none.</param>
    /// <returns>[N, T, D].</returns>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, int heads, Tensor? mask) =>
        Attend(Split(query, heads), Split(key, heads), Split(value, heads), mask);

    /// <summary>Attends, from vectors of single heads to vectors of all heads side by side.</summary>
    /// <param name="query">Q, [N, H, T, d].</param>
    /// <param name="key">K, [N, H, T, d].</param>
    /// <param name="value">V, [N, H, T, d].</param>
    /// <param name="mask">Additive mask that broadcasts to [N, H, T, T]; null for none.</param>
    /// <returns>[N, T, H·d].</returns>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? mask) => Merge(
        query.shape[2] >= FusedFrom && !_isExplicitForced
            ? nn.functional.scaled_dot_product_attention(query, key, value, mask)
            : Explicit(query, key, value, mask));

    /// <summary>Writes attention into a graph, from and to vectors of all heads side by side.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="query">Q, [N, T, D].</param>
    /// <param name="key">K, [N, T, D].</param>
    /// <param name="value">V, [N, T, D].</param>
    /// <param name="heads">Heads H; D is a multiple of it.</param>
    /// <param name="mask">Additive mask that broadcasts to [N, H, T, T]; null for none.</param>
    /// <returns>[N, T, D].</returns>
    public static OnnxValue Emit(OnnxGraph graph, OnnxValue query, OnnxValue key, OnnxValue value, int heads, OnnxValue? mask) =>
        graph.Attend(graph.SplitHeads(query, heads), graph.SplitHeads(key, heads, transposed: true), graph.SplitHeads(value, heads), mask);

    /// <summary>Divides vectors into heads.</summary>
    /// <param name="states">[N, T, H·d], or [1, M, H·d] of <see cref="PackedRows"/>.</param>
    /// <param name="heads">Heads H.</param>
    /// <returns>[N, H, T, d].</returns>
    public static Tensor Split(Tensor states, int heads)
    {
        states = PackedRows.Current?.Unpack(states) ?? states;
        return states.view(states.shape[0], states.shape[1], heads, states.shape[2] / heads).transpose(1, 2);
    }

    /// <summary>Adds the mask to scores, and averages the values with their softmax.</summary>
    /// <param name="scores">[N·H, T, T].</param>
    /// <param name="value">V, [N, H, T, d].</param>
    /// <param name="mask">Additive mask that broadcasts to [N, H, T, T]; null for none.</param>
    /// <returns>[N, H, T, d].</returns>
    public static Tensor Average(Tensor scores, Tensor value, Tensor? mask)
    {
        var (samples, heads, tokens) = (value.shape[0], value.shape[1], value.shape[2]);
        if (mask is not null)
        {
            scores = scores.view(samples, heads, tokens, tokens).Plus(mask);
        }

        var weights = scores.softmax(-1).view(samples * heads, tokens, tokens);
        return weights.bmm(value.flatten(0, 1)).view(value.shape);
    }

    /// <summary>Puts the heads side by side again.</summary>
    /// <param name="context">[N, H, T, d].</param>
    /// <returns>[N, T, H·d], or [1, M, H·d] of <see cref="PackedRows"/>.</returns>
    public static Tensor Merge(Tensor context)
    {
        var states = context.transpose(1, 2).flatten(2);
        return PackedRows.Current?.Pack(states) ?? states;
    }

    private static Tensor Explicit(Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        var scaled = query.flatten(0, 1).Times(1 / Math.Sqrt(query.shape[3])); // [N·H, T, d]
        return Average(scaled.bmm(key.flatten(0, 1).transpose(1, 2)), value, mask);
    }

    private sealed class Forced(bool previous) : IDisposable
    {
        public void Dispose() => _isExplicitForced = previous;
    }
}
