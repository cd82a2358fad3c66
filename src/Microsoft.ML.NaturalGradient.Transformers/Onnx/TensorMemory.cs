using System.Buffers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>The bytes of a tensor, without a copy.</summary>
/// <param name="tensor">Contiguous and on the CPU; stays the caller's, and has to live as long as this object is read.</param>
internal sealed unsafe class TensorMemory(Tensor tensor) : MemoryManager<byte>
{
    /// <inheritdoc/>
    public override Span<byte> GetSpan() => tensor.bytes;

    /// <inheritdoc/>
    /// <remarks>Native memory does not move.</remarks>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        fixed (byte* start = tensor.bytes)
        {
            return new MemoryHandle(start + elementIndex);
        }
    }

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }
}
