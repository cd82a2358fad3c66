using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A copy of an optimizer's state; owns its tensors.</summary>
/// <param name="values">The parts by name; numbers are tensors without dimensions, float64.</param>
internal sealed class OptimizerState(IReadOnlyDictionary<string, Tensor> values) : IDisposable
{
    /// <summary>The parts by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Values { get; } = values;

    /// <summary>Bytes of all parts.</summary>
    public long ByteCount => Values.Values.Sum(value => value.numel() * value.ElementSize);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in Values.Values)
        {
            value.Dispose();
        }
    }
}
