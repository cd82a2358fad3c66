using Microsoft.ML.NaturalGradient.Models.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Ways from one vector per token to one per sequence.</summary>
internal static class Pooling
{
    /// <summary>The mean over the tokens that are not padding, special tokens included.</summary>
    /// <param name="hidden">[N, T, D].</param>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T].</param>
    /// <returns>[N, D].</returns>
    public static Tensor Mean(Tensor hidden, Tensor mask)
    {
        var weights = mask.to(hidden.dtype).unsqueeze(-1); // [N, T, 1]
        return hidden.mul(weights).sum(1).div(weights.sum(1));
    }

    /// <summary>Writes <see cref="Mean"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="hidden">[N, T, D].</param>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T], int64.</param>
    /// <returns>[N, D].</returns>
    public static OnnxValue EmitMean(OnnxGraph graph, OnnxValue hidden, OnnxValue mask)
    {
        using var scope = graph.Enter("mean");
        var weights = graph.Unsqueeze(graph.Cast(mask, hidden.Type), -1); // [N, T, 1]
        return graph.Div(graph.Sum(graph.Mul(hidden, weights), 1), graph.Sum(weights, 1));
    }
}
