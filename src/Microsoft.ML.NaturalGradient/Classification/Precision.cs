using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.NaturalGradient;

/// <summary>
/// Of which numbers a training makes the products of linear layers with frozen weights, which are most of its time. All else is computed as with <see cref="Float32"/>: trained weights and what is made of them, losses, the
/// update, and scoring afterwards.
/// </summary>
public enum Precision
{
    /// <summary>Numbers of 24 binary digits: nearly the same results on every processor.</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "The field's name for it.")]
    Float32,

    /// <summary>
    /// Numbers rounded to bfloat16, 8 binary digits; products are summed with 24 and rounded once more. Several times faster on processors with AMX or AVX512-BF16 and on GPUs, several times slower on others.
    /// </summary>
    BFloat16,

    /// <summary>The faster one of both on this machine, by a measurement of a few milliseconds; the log says which.</summary>
    Auto,
}
