using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Lengths of tensors, summed in float64.</summary>
internal static class TensorNorms
{
    /// <summary>Root mean square of the entries.</summary>
    public static double Rms(this Tensor a) => Math.Sqrt(SquaredNorm(a) / a.numel());

    /// <summary>Euclidean norm of all entries.</summary>
    public static double Norm(this Tensor a) => Math.Sqrt(SquaredNorm(a));

    /// <summary>Euclidean norm of all entries of all tensors.</summary>
    public static double Norm(this IEnumerable<Tensor> tensors) => Math.Sqrt(tensors.Sum(SquaredNorm));

    private static double SquaredNorm(Tensor a)
    {
        using var scope = NewDisposeScope();
        return a.detach().to(ScalarType.Float64).square().sum().item<double>();
    }
}
