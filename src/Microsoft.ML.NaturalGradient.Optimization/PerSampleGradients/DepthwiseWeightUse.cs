using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A kernel [D, 1, K] of a convolution along tokens that keeps features apart: G_n[d, k] = Σ_t E_n[d, t] · X_n[d, t + k − (K − 1)/2].</summary>
/// <remarks>K products of [N, D, T] numbers give all of [N, D·K], which is small: rows of a linear weight have D in place of K. So G is formed for every purpose.</remarks>
internal sealed class DepthwiseWeightUse : ParameterUse
{
    private readonly Tensor _input; // [N, D, T + K - 1], zeros at both ends

    /// <summary>Records one application with zeros around the tokens, so that there are as many outputs as inputs.</summary>
    /// <param name="kernel">The kernel, [D, 1, K], K odd.</param>
    /// <param name="input">The layer input, [N, D, T]; a copy with zeros around is kept until <see cref="Dispose"/>.</param>
    public DepthwiseWeightUse(Parameter kernel, Tensor input)
        : base(kernel)
    {
        using var scope = NewDisposeScope();
        var around = kernel.shape[2] / 2;
        _input = Keep(nn.functional.pad(input.detach(), [around, around]));
    }

    /// <inheritdoc/>
    public override string Kind => "depthwise convolution kernels";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient)
    {
        var tokens = outputGradient.shape[2];
        var places = Enumerable.Range(0, (int)Parameter.shape[2]).Select(k => outputGradient.mul(_input.narrow(2, k, tokens)).sum(2)); // [N, D] each
        return stack([.. places], 2).unsqueeze(2); // [N, D, 1, K]
    }

    /// <inheritdoc/>
    public override void Dispose() => _input.Dispose();
}
