using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>Linear maps and tables of vectors, with the numbers that the graph is to have.</summary>
internal static class OnnxWeights
{
    /// <summary>Largest 8-bit weight: 64 times 255, twice, is what processors without 8-bit dot products add up in 16 bits.</summary>
    public const int LargestWeight = 64;

    private const int LargestEntry = 127;

    /// <summary>Adds a linear map y = x Wᵀ + b.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="input">x, [..., I].</param>
    /// <param name="weight">Makes W, [O, I].</param>
    /// <param name="outputSize">Output width O.</param>
    /// <param name="bias">Makes b, [O]; null for none.</param>
    /// <returns>y, [..., O].</returns>
    public static OnnxValue Linear(this OnnxGraph graph, OnnxValue input, Func<Tensor> weight, long outputSize, Func<Tensor>? bias)
    {
        var inputSize = input.Width.Value;
        var product = graph.Precision == OnnxPrecision.Int8
            ? IntegerProduct(graph, input, weight, inputSize, outputSize)
            : graph.MatMul(input, graph.Weight("weight", () => weight().t(), inputSize, outputSize));
        return bias is null ? product : graph.Add(product, graph.Weight("bias", bias, outputSize));
    }

    /// <summary>Adds vectors that are looked up in a table.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="table">Makes the table, [V, D].</param>
    /// <param name="count">Rows V.</param>
    /// <param name="width">Width D.</param>
    /// <param name="ids">Rows to look up, [...], int64.</param>
    /// <returns>[..., D].</returns>
    public static OnnxValue LookUp(this OnnxGraph graph, Func<Tensor> table, long count, long width, OnnxValue ids)
    {
        if (graph.Precision != OnnxPrecision.Int8)
        {
            return graph.Gather(graph.Weight("weight", table, count, width), ids);
        }

        var entries = graph.Numbers("table_quantized", OnnxElementType.Int8, () => Rounded(table(), LargestEntry), count, width);
        var scales = graph.Weight("table_scale", () => Scales(table(), LargestEntry), count, 1);
        return graph.Mul(graph.Cast(graph.Gather(entries, ids), graph.FloatType), graph.Gather(scales, ids));
    }

    // The form that ONNX Runtime computes as one: rounded input, whole-number product, scales.
    private static OnnxValue IntegerProduct(OnnxGraph graph, OnnxValue input, Func<Tensor> weight, long inputSize, long outputSize)
    {
        var (rounded, scale, zero, greatest) = graph.Quantize(input);
        var entries = graph.Numbers("weight_quantized", OnnxElementType.Int8, () => Rounded(weight(), LargestWeight).t(), inputSize, outputSize);
        var scales = graph.Weight("weight_scale", () => Scales(weight(), LargestWeight).squeeze(1), outputSize);
        var product = graph.MatMulInteger(rounded, entries, zero, graph.Numbers("weight_zero_point", OnnxElementType.Int8, () => zeros([], ScalarType.Int8, CPU)));
        return graph.Mul(graph.Mul(graph.Cast(product, graph.FloatType), graph.Mul(scale, scales)), greatest);
    }

    // One for each row, [O, 1].
    private static Tensor Scales(Tensor weight, int largest) => weight.abs().amax([1], keepdim: true).Times(1.0 / largest).AtLeast(1e-30);

    private static Tensor Rounded(Tensor weight, int largest) => weight.div(Scales(weight, largest)).round().to(ScalarType.Int8);
}
