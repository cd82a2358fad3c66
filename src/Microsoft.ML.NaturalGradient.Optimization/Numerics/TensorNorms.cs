using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Lengths and inner products of tensors, summed in float64, slice by slice so that no wide copy of the whole is made.</summary>
internal static class TensorNorms
{
    private const long SliceLength = 1 << 17;

    /// <summary>Root mean square of the entries.</summary>
    public static double Rms(this Tensor a) => Math.Sqrt(a.Inner(a) / a.numel());

    /// <summary>Euclidean norm of all entries.</summary>
    public static double Norm(this Tensor a) => Math.Sqrt(a.Inner(a));

    /// <summary>Euclidean norm of all entries of all tensors.</summary>
    public static double Norm(this IEnumerable<Tensor> tensors) => Math.Sqrt(tensors.Sum(tensor => tensor.Inner(tensor)));

    /// <summary>Sum of the products of entries.</summary>
    /// <param name="a">The one tensor.</param>
    /// <param name="b">The other, shaped like it.</param>
    public static double Inner(this Tensor a, Tensor b)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (left, right) = (a.flatten(), b.flatten());
        var total = zeros([], dtype: ScalarType.Float64, device: a.device);
        for (long start = 0; start < left.shape[0]; start += SliceLength)
        {
            using var sliceScope = NewDisposeScope();
            var length = Math.Min(SliceLength, left.shape[0] - start);
            var wide = left.narrow(0, start, length).to(ScalarType.Float64);
            total.AddInPlace(wide.dot(ReferenceEquals(a, b) ? wide : right.narrow(0, start, length).to(ScalarType.Float64)));
        }

        return total.item<double>();
    }
}
