using TorchSharp;
using static TorchSharp.torch;
#pragma warning disable RS0030 // The one place where numbers become Scalars; each stays alive until the native call returns.

namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Arithmetic with numbers whose scalars stay alive during the native call.</summary>
/// <remarks>
/// TorchSharp passes raw handles: a <see cref="Scalar"/> made on the fly may be finalised by a garbage collection that another
/// thread starts in mid-call. BannedSymbols.Scalars.txt lists all that makes one: every conversion of a number, and every method
/// of TorchSharp that has one inside, like <c>+</c> and <c>square</c>. These take their place.
/// </remarks>
internal static class TensorMath
{
    private static readonly Scalar Zero = 0, One = 1, Two = 2;

    /// <summary>0, 1, … count − 1, [count], Int64.</summary>
    public static Tensor Indices(long count, Device device)
    {
        using Scalar end = count;
        return arange(Zero, end, One, ScalarType.Int64, device);
    }

    /// <summary>A tensor of the same shape, type and device with one value everywhere.</summary>
    public static Tensor FilledWith(this Tensor a, double value)
    {
        using Scalar scalar = value;
        return full_like(a, scalar);
    }

    /// <summary>a + b, shapes broadcast.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    /// <summary>a + value, of floating point.</summary>
    public static Tensor Plus(this Tensor a, double value)
    {
        using Scalar scalar = value;
        return a.add(scalar, One);
    }

    /// <summary>a − b, shapes broadcast.</summary>
    public static Tensor Minus(this Tensor a, Tensor b) => a.sub(b);

    /// <summary>a − value, of integers.</summary>
    public static Tensor Minus(this Tensor a, long value)
    {
        using Scalar scalar = value;
        return a.sub(scalar);
    }

    /// <summary>factor · a.</summary>
    public static Tensor Times(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul(scalar);
    }

    /// <summary>a², entry by entry.</summary>
    public static Tensor Square(this Tensor a) => a.pow(Two);

    /// <summary>a to a power, entry by entry.</summary>
    public static Tensor Power(this Tensor a, double exponent)
    {
        using Scalar scalar = exponent;
        return a.pow(scalar);
    }

    /// <summary>Where entries are equal to an integer.</summary>
    public static Tensor EqualTo(this Tensor a, long value)
    {
        using Scalar scalar = value;
        return a.eq(scalar);
    }

    /// <summary>Where entries differ from an integer.</summary>
    public static Tensor NotEqualTo(this Tensor a, long value)
    {
        using Scalar scalar = value;
        return a.ne(scalar);
    }

    /// <summary>Where integers are above a value.</summary>
    public static Tensor GreaterThan(this Tensor a, long value)
    {
        using Scalar scalar = value;
        return a.gt(scalar);
    }

    /// <summary>Where numbers of floating point are above a value.</summary>
    public static Tensor GreaterThan(this Tensor a, double value)
    {
        using Scalar scalar = value;
        return a.gt(scalar);
    }

    /// <summary>Entries below a value become it; integers stay integers.</summary>
    public static Tensor AtLeast(this Tensor a, long value)
    {
        using Scalar scalar = value;
        return a.clamp_min(scalar);
    }

    /// <summary>Entries below a value become it, of floating point.</summary>
    public static Tensor AtLeast(this Tensor a, double value)
    {
        using Scalar scalar = value;
        return a.clamp_min(scalar);
    }

    /// <summary>Entries above a value become it; integers stay integers.</summary>
    public static Tensor AtMost(this Tensor a, long value)
    {
        using Scalar scalar = value;
        return a.clamp_max(scalar);
    }

    /// <summary>a ← factor · a.</summary>
    public static void ScaleInPlace(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        a.mul_(scalar);
    }

    /// <summary>a ← a + factor · b; a factor that is too large for float32 is infinite there, as a product would be, where native code ends with an error.</summary>
    public static void AddInPlace(this Tensor a, Tensor b, double factor = 1)
    {
        using Scalar scalar = a.dtype == ScalarType.Float64 || float.IsFinite((float)factor) ? factor : (float)factor;
        a.add_(b, scalar);
    }

    /// <summary>a ← decay · a + (1 − decay) · b: a running average.</summary>
    public static void AverageInPlace(this Tensor a, Tensor b, double decay)
    {
        a.ScaleInPlace(decay);
        a.AddInPlace(b, 1 - decay);
    }

    /// <summary>Adds rows [K, …] to the rows of a that an index [K] names.</summary>
    /// <returns><paramref name="a"/>.</returns>
    public static Tensor AddRowsInPlace(this Tensor a, Tensor index, Tensor rows) => a.index_add_(0, index, rows, One);

    /// <summary>Sets the rows of a that an index names to zero.</summary>
    public static void ClearInPlace(this Tensor a, Tensor index) => a.index_fill_(0, index, Zero);

    /// <summary>Numbers of 16 bits in 32, since squares, small steps and sums of them are lost in 16.</summary>
    /// <returns>A copy in the caller's dispose scope; <paramref name="a"/> itself where it has other numbers.</returns>
    public static Tensor Wide(this Tensor a) => a.dtype == a.WideType() ? a : a.to(a.WideType());

    /// <summary>The type of <see cref="Wide"/>.</summary>
    public static ScalarType WideType(this Tensor a) => a.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : a.dtype;

    /// <summary>Takes the gradient that a backward pass left, so that none is left behind.</summary>
    /// <returns>The gradient, of at least 32 bits, zero where the result did not depend on the tensor; in the caller's dispose scope.</returns>
    public static Tensor TakeGradient(this Tensor parameter)
    {
        var gradient = (parameter.grad ?? zeros_like(parameter)).detach().Wide();
        parameter.grad = null;
        return gradient;
    }
}
