using static Microsoft.ML.NaturalGradient.Models.Onnx.OnnxArithmetic;
using static Microsoft.ML.NaturalGradient.Models.Onnx.OnnxGraph;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>What several layers are made of, in the forms that ONNX Runtime recognises and computes as one.</summary>
internal static class OnnxLayers
{
    private const double HiddenIn16Bits = -30_000; // far enough from the lowest number that a score may be added to it

    /// <summary>Number that hides a score from softmax: its share becomes zero.</summary>
    public static double Hidden(this OnnxGraph graph) => graph.FloatType == OnnxElementType.Float16 ? HiddenIn16Bits : float.MinValue;

    /// <summary>Additive mask from one that is one where a token is seen: zero there, and <see cref="Hidden"/> elsewhere.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="seen">One or zero, of the type that layers compute with.</param>
    public static OnnxValue Hide(this OnnxGraph graph, OnnxValue seen) => graph.Mul(graph.Sub(graph.Scalar(1), seen), graph.Scalar(graph.Hidden()));

    /// <summary>Mask of attention from that of tokens, for all heads and all that asks.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T], int64.</param>
    /// <returns>[N, 1, 1, T].</returns>
    public static OnnxValue PaddingMask(this OnnxGraph graph, OnnxValue mask) =>
        graph.Hide(graph.Cast(graph.Unsqueeze(graph.Unsqueeze(mask, 1), 2), graph.FloatType));

    /// <summary>Divides vectors into heads.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="states">[N, T, H·d].</param>
    /// <param name="heads">Heads H.</param>
    /// <param name="transposed">Whether the last two dimensions are exchanged, as keys need it.</param>
    /// <returns>[N, H, T, d], or [N, H, d, T].</returns>
    public static OnnxValue SplitHeads(this OnnxGraph graph, OnnxValue states, int heads, bool transposed = false)
    {
        var split = graph.Reshape(states, states.Shape[0], states.Shape[1], heads, states.Width.Value / heads);
        return transposed ? graph.Transpose(split, 0, 2, 3, 1) : graph.Transpose(split, 0, 2, 1, 3);
    }

    /// <summary>Puts heads side by side again.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="context">[N, H, T, d].</param>
    /// <returns>[N, T, H·d].</returns>
    public static OnnxValue MergeHeads(this OnnxGraph graph, OnnxValue context)
    {
        var side = graph.Transpose(context, 0, 2, 1, 3);
        return graph.Reshape(side, side.Shape[0], side.Shape[1], side.Shape[2].Value * side.Shape[3].Value);
    }

    /// <summary>softmax(QKᵀ/√d + mask)·V for each head.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="query">Q, [N, H, T, d].</param>
    /// <param name="key">Kᵀ, [N, H, d, T].</param>
    /// <param name="value">V, [N, H, T, d].</param>
    /// <param name="mask">Added to the scores; null for nothing.</param>
    /// <returns>[N, T, H·d].</returns>
    public static OnnxValue Attend(this OnnxGraph graph, OnnxValue query, OnnxValue key, OnnxValue value, OnnxValue? mask)
    {
        var scores = graph.Div(graph.MatMul(query, key), graph.Scalar(Math.Sqrt(query.Width.Value)));
        return graph.MergeHeads(graph.MatMul(graph.Softmax(mask is null ? scores : graph.Add(scores, mask)), value));
    }

    /// <summary>x · Φ(x), exactly.</summary>
    public static OnnxValue Gelu(this OnnxGraph graph, OnnxValue value)
    {
        var share = graph.Add(graph.Erf(graph.Div(value, graph.Scalar(Math.Sqrt(2)))), graph.Scalar(1));
        return graph.Mul(graph.Mul(value, share), graph.Scalar(0.5));
    }

    /// <summary>x · Φ(x), by a hyperbolic tangent.</summary>
    public static OnnxValue TanhGelu(this OnnxGraph graph, OnnxValue value)
    {
        var cubic = graph.Mul(graph.Pow(value, graph.Scalar(3)), graph.Scalar(0.044715));
        var inner = graph.Mul(graph.Add(value, cubic), graph.Scalar(Math.Sqrt(2 / Math.PI)));
        return graph.Mul(graph.Mul(value, graph.Add(graph.Tanh(inner), graph.Scalar(1))), graph.Scalar(0.5));
    }

    /// <summary>x / (1 + e^−x).</summary>
    public static OnnxValue Silu(this OnnxGraph graph, OnnxValue value) => graph.Mul(value, graph.Sigmoid(value));

    /// <summary>A convolution without dilation.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">[N, I, ...].</param>
    /// <param name="weight">[O, I / groups, K, ...].</param>
    /// <param name="shift">[O].</param>
    /// <param name="stride">Step in each dimension.</param>
    /// <param name="padding">Zeros on either side of each dimension.</param>
    /// <param name="groups">Groups of features.</param>
    /// <returns>[N, O, ...].</returns>
    public static OnnxValue Convolution(this OnnxGraph graph, OnnxValue value, OnnxValue weight, OnnxValue shift, int stride, int padding, long groups)
    {
        var dimensions = value.Rank - 2;
        Check(value.Shape[1].Value == weight.Shape[1].Value * groups && weight.Rank == value.Rank && value.Type == weight.Type, "Conv", value, weight, shift);
        var places = value.Shape.Skip(2).Zip(weight.Shape.Skip(2), (size, kernel) => Places(size, kernel.Value));
        return graph.Add(
            "Conv", [value, weight, shift], value.Type, [value.Shape[0], weight.Shape[0], .. places],
            Attribute("kernel_shape", weight.Shape.Skip(2).Select(size => size.Value)), Attribute("strides", Enumerable.Repeat((long)stride, dimensions)),
            Attribute("pads", Enumerable.Repeat((long)padding, 2 * dimensions)), Attribute("group", groups));

        OnnxDimension Places(OnnxDimension size, long kernel) => stride == 1 ? size + ((2 * padding) - kernel + 1) : ((size.Value + (2 * padding) - kernel) / stride) + 1;
    }
}
