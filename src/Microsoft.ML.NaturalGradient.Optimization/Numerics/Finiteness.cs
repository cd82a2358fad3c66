using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Tells whether tensors hold finite numbers.</summary>
internal static class Finiteness
{
    /// <summary>Whether every entry is finite; of any floating-point type.</summary>
    /// <remarks>A sum that is finite proves it, without memory for a mask.</remarks>
    public static bool IsFinite(this Tensor tensor)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return double.IsFinite(tensor.sum().to(ScalarType.Float64).item<double>()) || tensor.isfinite().all().item<bool>();
    }
}
