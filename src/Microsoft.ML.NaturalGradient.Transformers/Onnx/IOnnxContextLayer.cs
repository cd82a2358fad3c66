namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>A layer that writes what its <c>forward</c> computes, without training, into a graph, and reads something besides the vectors.</summary>
internal interface IOnnxContextLayer
{
    /// <summary>Writes the layer.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="input">What the layer reads.</param>
    /// <param name="context">What it reads besides.</param>
    /// <returns>What it gives.</returns>
    OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context);
}
