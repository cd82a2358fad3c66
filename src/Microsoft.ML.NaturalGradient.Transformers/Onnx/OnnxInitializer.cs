using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>Numbers that a graph's file holds, made when they are written.</summary>
/// <param name="value">Name, type and shape, all of it known.</param>
/// <param name="make">Makes the numbers, of any floating-point type where the value is; in the caller's dispose scope.</param>
internal sealed class OnnxInitializer(OnnxValue value, Func<Tensor> make)
{
    /// <summary>Name, type and shape.</summary>
    public OnnxValue Value { get; } = value;

    /// <summary>Bytes of the numbers.</summary>
    public long ByteLength { get; } = value.Shape.Aggregate(SizeOf(value.Type), (product, dimension) => product * dimension.Value);

    /// <summary>Makes the numbers.</summary>
    /// <returns>Contiguous, on the CPU and of the value's type; in the caller's dispose scope.</returns>
    /// <exception cref="InvalidOperationException">They are not finite, or too large for the type; the message names them.</exception>
    public Tensor Numbers()
    {
        var made = make();
        var numbers = made.to(TypeOf(Value.Type)).cpu().contiguous();
        if (Value.IsFloat && !numbers.isfinite().all().item<bool>())
        {
            throw new InvalidOperationException(made.isfinite().all().item<bool>()
                ? $"The weight '{Value.Name}' has numbers that 16 bits do not hold. Export the model with OnnxPrecision.Float32."
                : $"The weight '{Value.Name}' has numbers that are not finite, so nothing is exported. Train the model again with a lower LearningRate.");
        }

        if (numbers.numel() * numbers.element_size() != ByteLength)
        {
            throw new InvalidOperationException($"The weight {Value} has {numbers.numel()} numbers.");
        }

        return numbers;
    }

    private static ScalarType TypeOf(OnnxElementType type) => type switch
    {
        OnnxElementType.Float => ScalarType.Float32,
        OnnxElementType.Float16 => ScalarType.Float16,
        OnnxElementType.Int64 => ScalarType.Int64,
        OnnxElementType.Int32 => ScalarType.Int32,
        OnnxElementType.Int8 => ScalarType.Int8,
        OnnxElementType.UInt8 => ScalarType.Byte,
        _ => ScalarType.Bool,
    };

    private static long SizeOf(OnnxElementType type) => type switch
    {
        OnnxElementType.Int64 => 8,
        OnnxElementType.Float or OnnxElementType.Int32 => 4,
        OnnxElementType.Float16 => 2,
        _ => 1,
    };
}
