using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A convolution kernel [O, I, kh, kw]: a linear weight over the unfolded patches of the picture.</summary>
internal sealed class ConvolutionWeightUse : ParameterUse
{
    private readonly Tensor _patches; // [N, L, I·kh·kw]

    /// <summary>Records one application of an ungrouped two-dimensional convolution.</summary>
    /// <param name="kernel">The kernel, [O, I, kh, kw].</param>
    /// <param name="input">The layer input, [N, I, H, W]; its patches are kept until <see cref="Dispose"/>.</param>
    /// <param name="stride">Step between patches, in both directions.</param>
    /// <param name="padding">Zeros around the picture, in both directions.</param>
    public ConvolutionWeightUse(Parameter kernel, Tensor input, long stride, long padding)
        : base(kernel)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (kernel.shape[2], kernel.shape[3]);
        var columns = nn.functional.unfold(
            input.detach(), (height, width), dilation: null, padding: (padding, padding), stride: (stride, stride)); // [N, I·kh·kw, L]
        _patches = Keep(columns.transpose(1, 2));
    }

    private ConvolutionWeightUse(Parameter kernel, Tensor patches)
        : base(kernel)
    {
        _patches = Keep(patches);
    }

    /// <inheritdoc/>
    public override string Kind => "convolution kernels";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) => PerSampleSlice(outputGradient, 0, Parameter.shape[0]);

    /// <inheritdoc/>
    public override void AddGram(Tensor gram, Tensor outputGradient, ScalarType type)
    {
        using var scope = NewDisposeScope();
        AddLinearGram(gram, Positions(outputGradient), type);
    }

    /// <inheritdoc/>
    public override bool PrefersPairs(Tensor outputGradient) => PrefersGhost(Positions(outputGradient));

    /// <inheritdoc/>
    public override void AddCrossGram(Tensor gram, Tensor outputGradient, ParameterUse other, Tensor otherGradient)
    {
        using var scope = NewDisposeScope();
        if (other is ConvolutionWeightUse convolution && PrefersPairs(outputGradient))
        {
            AddGhostProducts(gram, Positions(outputGradient), convolution.Positions(otherGradient), ScalarType.Float64);
            return;
        }

        base.AddCrossGram(gram, outputGradient, other, otherGradient);
    }

    /// <inheritdoc/>
    public override Tensor PerSampleSlice(Tensor outputGradient, long start, long count) =>
        outputGradient.narrow(1, start, count).flatten(2).bmm(_patches).view([outputGradient.shape[0], count, .. Parameter.shape.AsSpan(1)]); // [N, o, I, kh, kw]

    /// <inheritdoc/>
    public override Tensor Combine(Tensor outputGradient, Tensor weights)
    {
        var errors = Weighted(outputGradient, weights).flatten(2).transpose(0, 1).flatten(1); // [O, N·L]
        return errors.mm(_patches.flatten(0, 1)).view_as(Parameter);
    }

    /// <inheritdoc/>
    public override Tensor Dot(Tensor outputGradient, Tensor direction)
    {
        var moved = nn.functional.linear(_patches, direction.flatten(1)); // [N, L, O]
        return moved.mul(outputGradient.flatten(2).transpose(1, 2)).flatten(1).to(ScalarType.Float64).sum(1); // [N]
    }

    /// <inheritdoc/>
    public override (Tensor Inputs, Tensor Errors)? LinearPair(Tensor outputGradient) => Positions(outputGradient);

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> KeptRows => [_patches];

    /// <inheritdoc/>
    public override ParameterUse WithRows(IReadOnlyList<Tensor> rows) => new ConvolutionWeightUse(Parameter, rows[0]);

    /// <inheritdoc/>
    public override void Dispose() => _patches.Dispose();

    private (Tensor Inputs, Tensor Errors) Positions(Tensor outputGradient) =>
        (_patches, outputGradient.flatten(2).transpose(1, 2)); // [N, L, I·kh·kw], [N, L, O]
}
