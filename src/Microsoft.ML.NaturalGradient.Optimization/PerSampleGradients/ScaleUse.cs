using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A vector [D] that multiplies a normalised input x̂ at every position (LayerNorm, RMSNorm, LayerScale): G_n = Σ_t E_nt ∘ x̂_nt.</summary>
internal sealed class ScaleUse : ParameterUse
{
    private readonly Tensor _normalized; // [N, ..., D]

    /// <summary>Records one application.</summary>
    /// <param name="scale">The scale γ, [D].</param>
    /// <param name="normalized">The input before the scale, x̂, [N, ..., D]; an alias is kept until <see cref="Dispose"/>.</param>
    /// <param name="input">The input x of a layer normalisation, [N, ..., D], kept likewise; null for other scales.</param>
    public ScaleUse(Parameter scale, Tensor normalized, Tensor? input = null)
        : base(scale)
    {
        _normalized = Keep(normalized);
        LayerInput = input is null ? null : Keep(input);
    }

    /// <summary>The input x of a layer normalisation, [N, ..., D]; null for other scales.</summary>
    public Tensor? LayerInput { get; }

    /// <inheritdoc/>
    public override string Kind => "scales";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) =>
        outputGradient.mul(_normalized).reshape(outputGradient.shape[0], -1, outputGradient.shape[^1]).sum(1); // [N, D]

    /// <inheritdoc/>
    public override Tensor PositionGradients(Tensor outputGradient) =>
        outputGradient.mul(_normalized).reshape(-1, outputGradient.shape[^1]); // [N·T, D]

    /// <inheritdoc/>
    public override ParameterUse Apart(PackedRows packed) => new ScaleUse(Parameter, packed.Unpack(_normalized), LayerInput is null ? null : packed.Unpack(LayerInput));

    /// <inheritdoc/>
    public override void Dispose()
    {
        _normalized.Dispose();
        LayerInput?.Dispose();
    }
}
