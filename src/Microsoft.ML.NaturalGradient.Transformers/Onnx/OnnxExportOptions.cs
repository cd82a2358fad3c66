namespace Microsoft.ML.NaturalGradient;

/// <summary>How a model is exported to ONNX.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>The numbers of the exported model.</summary>
    /// <value>The default is <see cref="OnnxPrecision.Float32"/>.</value>
    public OnnxPrecision Precision { get; init; }

    /// <summary>Bytes of weights beyond which they are written to a file of their own, since readers of the format take no file of 2 GB or more.</summary>
    internal long LargestFile { get; init; } = 1L << 30;

    /// <summary>Throws when a setting is outside its legal range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    internal void Validate()
    {
        if (!Enum.IsDefined(Precision))
        {
            throw new ArgumentOutOfRangeException(nameof(Precision), (int)Precision, "Precision is no member of OnnxPrecision. Use OnnxPrecision.Float32, Float16 or Int8.");
        }
    }
}
