using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Reads safetensors into tensors.</summary>
internal static class SafetensorsTensors
{
    private const int PieceElements = 1 << 24; // a span cannot reach across 2 GiB, so tensors are copied in pieces

    private static readonly Dictionary<ElementType, ScalarType> Types = new()
    {
        [ElementType.BOOL] = ScalarType.Bool,
        [ElementType.U8] = ScalarType.Byte,
        [ElementType.I8] = ScalarType.Int8,
        [ElementType.I16] = ScalarType.Int16,
        [ElementType.F16] = ScalarType.Float16,
        [ElementType.BF16] = ScalarType.BFloat16,
        [ElementType.I32] = ScalarType.Int32,
        [ElementType.F32] = ScalarType.Float32,
        [ElementType.F64] = ScalarType.Float64,
        [ElementType.I64] = ScalarType.Int64,
    };

    /// <summary>How a type is stored; null where files cannot hold it.</summary>
    public static ElementType? ElementTypeOf(ScalarType type) =>
        Types.Where(pair => pair.Value == type).Select(pair => (ElementType?)pair.Key).SingleOrDefault();

    /// <summary>Shape of a tensor; empty for a scalar.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public static IReadOnlyList<long> ShapeOf(this ISafetensors file, string name) => file.Describe(name).Shape;

    /// <summary>Element type of a tensor as stored.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public static ScalarType TypeOf(this ISafetensors file, string name) => Types[file.Describe(name).Type];

    /// <summary>Copies a tensor out, converted to a type.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="type">Element type of the result.</param>
    /// <returns>A new tensor on the CPU; owned by the caller.</returns>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public static Tensor Read(this ISafetensors file, string name, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var result = empty(file.Describe(name).Shape, dtype: type, device: CPU);
        Fill(result, file, name);
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Overwrites a tensor with a stored one, converted to its type and moved to its device.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Name of the stored tensor.</param>
    /// <param name="target">Tensor of exactly the same shape; may be a parameter.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, or the shapes differ.</exception>
    public static void ReadInto(this ISafetensors file, string name, Tensor target)
    {
        var shape = file.Describe(name).Shape;
        if (!target.shape.AsSpan().SequenceEqual(shape))
        {
            throw new InvalidDataException(
                $"{file.FileOf(name)}: tensor '{name}' has shape {MessageText.Shape(shape)}, but the model expects "
                + $"{MessageText.Shape(target.shape)}. Use the configuration that belongs to these weights.");
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (target.device_type == DeviceType.CPU && target.is_contiguous())
        {
            Fill(target, file, name);
        }
        else
        {
            target.copy_(file.Read(name, file.TypeOf(name)));
        }
    }

    /// <summary>Fills a contiguous tensor on the CPU, converting to its type.</summary>
    private static void Fill(Tensor target, ISafetensors file, string name)
    {
        var type = file.TypeOf(name);
        var widens = type == ScalarType.Float16 && target.dtype == ScalarType.Float32;
        if (type != target.dtype && !widens)
        {
            var stored = empty(target.shape, dtype: type, device: CPU);
            Fill(stored, file, name);
            target.copy_(stored);
            return;
        }

        var flat = target.view(-1); // [elements]
        var elements = target.numel();
        for (var first = 0L; first < elements; first += PieceElements)
        {
            var count = (int)Math.Min(PieceElements, elements - first);
            var source = file.BytesOf(name, first, count);
            var piece = flat.narrow(0, first, count);
            if (widens)
            {
                // The usual case; a copy in half precision would cost more than the conversion.
                TensorPrimitives.ConvertToSingle(
                    MemoryMarshal.Cast<byte, Half>(source), MemoryMarshal.Cast<byte, float>(piece.bytes));
            }
            else
            {
                source.CopyTo(piece.bytes);
            }
        }
    }
}
