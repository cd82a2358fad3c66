using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A weight W [O, I] used as output = input · Wᵀ over T shared positions: G_n = E_nᵀ A_n.</summary>
/// <remarks>
/// The Gram matrix is formed from materialised blocks of G (chunked over O), or in ghost form
/// C[n,m] = Σ_{t,t'} (E_n E_mᵀ ∘ A_n A_mᵀ)[t,t'], whichever costs fewer operations:
/// ghost iff (N+1)·T²·(I+O) &lt; 2·T·I·O + N·I·O.
/// </remarks>
internal sealed class LinearWeightUse : ParameterUse
{
    private const long SkinnyRatio = 8; // measured: from here on a product with the long side as its columns is several times faster

    private readonly Tensor _input; // [N, T, I]
    private readonly Tensor _read; // the input itself, by which other layers that read it are known; its numbers are not asked for

    /// <summary>Records one application.</summary>
    /// <param name="weight">The weight, [O, I].</param>
    /// <param name="input">The layer input, [N, ..., I]; an alias is kept until <see cref="Dispose"/>.</param>
    public LinearWeightUse(Parameter weight, Tensor input)
        : base(weight)
    {
        (_input, _read) = (Keep(input), input);
    }

    /// <inheritdoc/>
    public override string Kind => "linear weights";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) => PerSampleSlice(outputGradient, 0, Parameter.shape[0]);

    /// <inheritdoc/>
    public override Tensor PerSampleSlice(Tensor outputGradient, long start, long count)
    {
        var (input, error) = Positions(outputGradient);
        return error.narrow(2, start, count).transpose(1, 2).bmm(input); // [N, o, I]
    }

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
        switch (other)
        {
            case LinearWeightUse linear when PrefersPairs(outputGradient):
                AddGhostProducts(gram, Positions(outputGradient), linear.Positions(otherGradient), ScalarType.Float64);
                break;
            case EmbeddingUse:
                other.AddCrossGram(gram.t(), otherGradient, this, outputGradient);
                break;
            default:
                base.AddCrossGram(gram, outputGradient, other, otherGradient);
                break;
        }
    }

    /// <inheritdoc/>
    public override Tensor Combine(Tensor outputGradient, Tensor weights)
    {
        var (input, error) = Positions(outputGradient);
        var (inputSize, outputSize) = (input.shape[2], error.shape[2]);
        if (inputSize * SkinnyRatio <= outputSize)
        {
            return Weighted(input, weights).flatten(0, 1).t().mm(error.flatten(0, 1)).t().contiguous(); // [O, I]
        }

        (input, error) = inputSize < outputSize ? (Weighted(input, weights), error) : (input, Weighted(error, weights));
        return error.flatten(0, 1).t().mm(input.flatten(0, 1)); // [O, I]
    }

    /// <inheritdoc/>
    public override Tensor Dot(Tensor outputGradient, Tensor direction)
    {
        var (input, error) = Positions(outputGradient);
        var moved = nn.functional.linear(input, direction); // [N, T, O]
        return moved.mul(error).flatten(1).to(ScalarType.Float64).sum(1); // [N]
    }

    /// <inheritdoc/>
    public override (Tensor Inputs, Tensor Errors)? LinearPair(Tensor outputGradient) => Positions(outputGradient);

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> KeptRows => [_input];

    /// <inheritdoc/>
    public override ParameterUse WithRows(IReadOnlyList<Tensor> rows) => new LinearWeightUse(Parameter, rows[0]);

    /// <inheritdoc/>
    public override ParameterUse Apart(PackedRows packed) => new LinearWeightUse(Parameter, packed.UnpackOnce(_read, _input));

    /// <inheritdoc/>
    public override void Dispose() => _input.Dispose();

    // Input and output gradient as [N, T, I] and [N, T, O]; a two-dimensional pair has T = 1.
    private (Tensor Input, Tensor Error) Positions(Tensor outputGradient)
    {
        var samples = outputGradient.shape[0];
        return (_input.reshape(samples, -1, _input.shape[^1]), outputGradient.reshape(samples, -1, outputGradient.shape[^1]));
    }
}
