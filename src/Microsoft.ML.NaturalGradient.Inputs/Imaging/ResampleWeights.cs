namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Along one axis: from which pixels, with which weights, each pixel of the result is summed.</summary>
internal sealed class ResampleWeights
{
    /// <summary>Bits behind the point of a weight; a sum of bytes with weights keeps within 32 bits, the overshoot of the cubic included.</summary>
    public const int FractionBits = 22;

    private readonly int[] _weights;
    private readonly int _stride;

    private ResampleWeights(int[] firsts, int[] counts, int[] weights, int stride)
    {
        Firsts = firsts;
        Counts = counts;
        _weights = weights;
        _stride = stride;
    }

    /// <summary>First source pixel of each result.</summary>
    public int[] Firsts { get; }

    /// <summary>Number of source pixels of each result.</summary>
    public int[] Counts { get; }

    /// <summary>Weights of one result, in units of 2⁻²².</summary>
    public ReadOnlySpan<int> this[int result] => _weights.AsSpan(result * _stride, Counts[result]);

    /// <summary>Computes the weights of some pixels of a resized axis.</summary>
    /// <remarks>
    /// With the scale s = source / target, pixel i of the result has its centre at c = (i + ½)·s, and pixel j of the source weighs
    /// k((j + ½ − c) / max(s, 1)), normalised to the sum 1: for a reduction the kernel is stretched, which is the antialiasing.
    /// Source pixels within the kernel's reach are rounded to whole ones, and those outside the picture are left out, as Pillow does.
    /// Source of the cubic: Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981, equation 15.
    /// </remarks>
    /// <param name="source">Pixels of the source axis.</param>
    /// <param name="target">Pixels of the whole resized axis.</param>
    /// <param name="start">First pixel of the resized axis that is wanted.</param>
    /// <param name="count">Pixels that are wanted.</param>
    /// <param name="filter">The kernel.</param>
    public static ResampleWeights Create(int source, int target, int start, int count, ResampleFilter filter)
    {
        var scale = (double)source / target;
        var stretch = Math.Max(scale, 1);
        var reach = (filter == ResampleFilter.Bilinear ? 1 : 2) * stretch;
        var stride = ((int)Math.Ceiling(reach) * 2) + 1;
        var firsts = new int[count];
        var counts = new int[count];
        var weights = new int[count * stride];
        Span<double> exact = stride <= 256 ? stackalloc double[stride] : new double[stride];
        for (var i = 0; i < count; i++)
        {
            var centre = (start + i + 0.5) * scale;
            firsts[i] = Math.Max((int)(centre - reach + 0.5), 0);
            counts[i] = Math.Min((int)(centre + reach + 0.5), source) - firsts[i];
            var sum = 0.0;
            for (var j = 0; j < counts[i]; j++)
            {
                exact[j] = Kernel(filter, (j + firsts[i] - centre + 0.5) / stretch);
                sum += exact[j];
            }
            for (var j = 0; j < counts[i]; j++)
            {
                // Halves are rounded away from zero.
                weights[(i * stride) + j] = (int)Math.Round(exact[j] / sum * (1 << FractionBits), MidpointRounding.AwayFromZero);
            }
        }
        return new ResampleWeights(firsts, counts, weights, stride);
    }

    private static double Kernel(ResampleFilter filter, double x)
    {
        x = Math.Abs(x);
        return filter switch
        {
            ResampleFilter.Bilinear => Math.Max(1 - x, 0),
            _ when x < 1 => (((1.5 * x) - 2.5) * x * x) + 1,
            _ when x < 2 => -0.5 * ((((x - 5) * x) + 8) * x - 4),
            _ => 0,
        };
    }
}
