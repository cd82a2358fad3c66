using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Arithmetic whose scalars stay alive during the native call.</summary>
/// <remarks>
/// TorchSharp passes raw handles: a <see cref="Scalar"/> made on the fly may be finalised by a garbage collection that another
/// thread starts in mid-call. The operator <c>+</c> makes such a scalar, so it is banned in favour of these.
/// </remarks>
internal static class TensorMath
{
    private static readonly Scalar One = 1;

    /// <summary>a + b, shapes broadcast.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    /// <summary>a − b, shapes broadcast.</summary>
    public static Tensor Minus(this Tensor a, Tensor b) => a.sub(b);

    /// <summary>a + value.</summary>
    public static Tensor Plus(this Tensor a, double value)
    {
        using Scalar scalar = value;
        var result = a.add(scalar);
        GC.KeepAlive(scalar);
        return result;
    }

    /// <summary>factor · a.</summary>
    public static Tensor Times(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        var result = a.mul(scalar);
        GC.KeepAlive(scalar);
        return result;
    }

    /// <summary>a ← factor · a.</summary>
    public static void ScaleInPlace(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        a.mul_(scalar);
        GC.KeepAlive(scalar);
    }

    /// <summary>a ← a + factor · b.</summary>
    public static void AddInPlace(this Tensor a, Tensor b, double factor = 1)
    {
        using Scalar scalar = factor;
        a.add_(b, scalar);
        GC.KeepAlive(scalar);
    }

    /// <summary>a to a power, entry by entry.</summary>
    public static Tensor Power(this Tensor a, double exponent)
    {
        using Scalar scalar = exponent;
        var result = a.pow(scalar);
        GC.KeepAlive(scalar);
        return result;
    }

    /// <summary>a ← decay · a + (1 − decay) · b: a running average.</summary>
    public static void AverageInPlace(this Tensor a, Tensor b, double decay)
    {
        a.ScaleInPlace(decay);
        a.AddInPlace(b, 1 - decay);
    }
}
