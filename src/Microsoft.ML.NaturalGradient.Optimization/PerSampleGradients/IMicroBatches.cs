using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The parts of a batch, each of which has a forward pass of its own that can be repeated.</summary>
internal interface IMicroBatches
{
    /// <summary>Parts B.</summary>
    int Count { get; }

    /// <summary>The parameters that are trained.</summary>
    IReadOnlyList<Parameter> Trained { get; }

    /// <summary>The first row of a part.</summary>
    /// <param name="part">From 0.</param>
    long Start(int part);

    /// <summary>Runs a part's passes forward and back and shows what the layers recorded, which is gone afterwards.</summary>
    /// <param name="part">From 0.</param>
    /// <param name="seeds">Cotangents of the whole batch, [N, ...].</param>
    /// <param name="use">Takes the capture.</param>
    void Capture(int part, Tensor seeds, Action<CapturedGradients> use);

    /// <summary>Computes Σ_n (∂z_n/∂θ)ᵀ u_n over all parts.</summary>
    /// <param name="seeds">Cotangents u of the whole batch, [N, ...].</param>
    /// <param name="parameters">The parameters θ.</param>
    /// <returns>One tensor per parameter; owned by the caller.</returns>
    Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters);
}
