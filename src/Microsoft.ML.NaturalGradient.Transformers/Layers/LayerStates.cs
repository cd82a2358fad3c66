using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The vectors of all tokens after a layer.</summary>
/// <param name="Vectors">[N, T, D], or [1, M, D] of packed rows.</param>
/// <param name="Packed">How the rows lie; null where each is on its own.</param>
internal readonly record struct LayerStates(Tensor Vectors, PackedRows? Packed)
{
    /// <summary>Puts each row on its own.</summary>
    /// <returns>[N, T, D], with zeros for padding that was left out; in the caller's dispose scope.</returns>
    public Tensor Apart() => Packed?.Unpack(Vectors) ?? Vectors;
}
