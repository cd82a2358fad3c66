using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Additive attention masks: 0 where a token may be attended to, the type's lowest number where not.</summary>
internal static class AttentionMask
{
    /// <summary>Hides padding from every token.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="type">Element type of the model.</param>
    /// <returns>[N, 1, 1, T]; null when no row is padded.</returns>
    public static Tensor? Padding(TokenBatch batch, ScalarType type) =>
        batch.IsPadded ? Hide(batch.Mask.EqualTo(0), type).unsqueeze(1).unsqueeze(1) : null;

    /// <summary>Hides padding from tokens, and everything from padding, which then attends to all positions alike.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="type">Element type of the model.</param>
    /// <returns>[N, 1, T, T]; null when no row is padded.</returns>
    public static Tensor? PaddingBothWays(TokenBatch batch, ScalarType type) => batch.IsPadded
        ? Hide(batch.Mask.unsqueeze(1).mul(batch.Mask.unsqueeze(2)).EqualTo(0), type).unsqueeze(1)
        : null;

    /// <summary>Hides padding, and from tokens also what is farther away than a distance.</summary>
    /// <remarks>
    /// Padding itself sees all tokens. Were everything hidden from it, the fused kernel would give such a row a wrong gradient; what
    /// padding sees has no influence on tokens.
    /// </remarks>
    /// <param name="batch">The batch.</param>
    /// <param name="distance">Largest distance that is seen, on either side.</param>
    /// <param name="type">Element type of the model.</param>
    /// <returns>[N or 1, 1, T, T]; null when nothing is hidden.</returns>
    public static Tensor? Window(TokenBatch batch, long distance, ScalarType type)
    {
        var tokens = batch.Ids.shape[1];
        if (tokens - 1 <= distance)
        {
            return Padding(batch, type);
        }

        var positions = TensorMath.Indices(tokens, batch.Ids.device);
        var isHidden = positions.unsqueeze(0).sub(positions.unsqueeze(1)).abs().GreaterThan(distance).unsqueeze(0); // [1, T, T]
        if (batch.IsPadded)
        {
            var isPadding = batch.Mask.EqualTo(0); // [N, T]
            isHidden = isHidden.logical_and(isPadding.logical_not().unsqueeze(2)).logical_or(isPadding.unsqueeze(1)); // [N, T, T]
        }

        return Hide(isHidden, type).unsqueeze(1);
    }

    /// <summary>Writes <see cref="Window"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T], int64.</param>
    /// <param name="distance">Largest distance that is seen, on either side.</param>
    /// <returns>[N, 1, T, T].</returns>
    public static OnnxValue EmitWindow(OnnxGraph graph, OnnxValue mask, long distance)
    {
        using var scope = graph.Enter("window");
        var positions = graph.Indices(mask, 1); // [T]
        var distances = graph.Abs(graph.Sub(graph.Unsqueeze(positions, 0), graph.Unsqueeze(positions, 1))); // [T, T]
        var isPadding = graph.Unsqueeze(graph.Unsqueeze(graph.Equal(mask, graph.Integer(0)), 1), 2); // [N, 1, 1, T]
        var isHidden = graph.Or(isPadding, graph.Greater(distances, graph.Integer(distance))); // [N, 1, T, T]
        return graph.Mul(graph.Cast(isHidden, graph.FloatType), graph.Scalar(graph.Hidden()));
    }

    /// <summary>Hides later positions from each position.</summary>
    /// <param name="tokens">Positions T.</param>
    /// <param name="type">Element type of the model.</param>
    /// <param name="device">Where the result goes.</param>
    /// <returns>[T, T].</returns>
    public static Tensor Causal(long tokens, ScalarType type, Device device) => Hide(ones(tokens, tokens, device: device).triu(1), type);

    /// <summary>Hides what is told.</summary>
    /// <param name="isHidden">Whether a token is hidden from another.</param>
    /// <param name="type">Element type of the model.</param>
    /// <returns>The mask, of the same shape.</returns>
    public static Tensor Hide(Tensor isHidden, ScalarType type) =>
        isHidden.to(type).Times(type == ScalarType.Float64 ? double.MinValue : float.MinValue);
}
