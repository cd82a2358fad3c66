namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>The kernel of a resampler; the numbers are those of <c>resample</c> in <c>preprocessor_config.json</c>.</summary>
internal enum ResampleFilter
{
    /// <summary>A triangle, 1 − |x| for |x| &lt; 1.</summary>
    Bilinear = 2,

    /// <summary>Keys' cubic with a = −½, for |x| &lt; 2.</summary>
    Bicubic = 3,
}
