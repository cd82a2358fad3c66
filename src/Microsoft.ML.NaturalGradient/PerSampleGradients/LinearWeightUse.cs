using Microsoft.ML.NaturalGradient.Numerics;
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
    private const long ChunkBytes = 256L << 20;

    private readonly Tensor _input; // [N, T, I]

    /// <summary>Records one application.</summary>
    /// <param name="weight">The weight, [O, I].</param>
    /// <param name="input">The layer input, [N, ..., I]; an alias is kept until <see cref="Dispose"/>.</param>
    public LinearWeightUse(Parameter weight, Tensor input)
        : base(weight)
    {
        _input = Keep(input);
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
    public override void AddGram(Tensor gram, Tensor outputGradient)
    {
        using var scope = NewDisposeScope();
        var (input, error) = Positions(outputGradient);
        if (PrefersGhost(input.shape[0], input.shape[1], input.shape[2], error.shape[2]))
        {
            AddGhostGram(gram, input, error);
            return;
        }

        var (samples, inputSize, outputSize) = (input.shape[0], input.shape[2], error.shape[2]);
        var rows = Math.Clamp(ChunkBytes / (samples * inputSize * sizeof(double)), 1, outputSize);
        for (long start = 0; start < outputSize; start += rows)
        {
            using var chunkScope = NewDisposeScope();
            var part = error.narrow(2, start, Math.Min(rows, outputSize - start)); // [N, T, o]
            GramOf(gram, part.transpose(1, 2).bmm(input));
        }
    }

    /// <inheritdoc/>
    public override Tensor Combine(Tensor outputGradient, Tensor weights)
    {
        var (input, error) = Positions(Weighted(outputGradient, weights));
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
    public override void Dispose() => _input.Dispose();

    /// <summary>Whether the ghost form of the Gram matrix needs fewer operations than materialising G.</summary>
    internal static bool PrefersGhost(double samples, double positions, double inputSize, double outputSize) =>
        (samples + 1) * positions * positions * (inputSize + outputSize)
        < (2 * positions * inputSize * outputSize) + (samples * inputSize * outputSize);

    private static void AddGhostGram(Tensor gram, Tensor input, Tensor error)
    {
        var (samples, positions) = (input.shape[0], input.shape[1]);
        var allInputs = input.flatten(0, 1).to(ScalarType.Float64); // [N·T, I]
        var allErrors = error.flatten(0, 1).to(ScalarType.Float64); // [N·T, O]
        var blockSize = Math.Clamp(ChunkBytes / (2 * samples * positions * positions * sizeof(double)), 1, samples);
        for (long start = 0; start < samples; start += blockSize)
        {
            using var blockScope = NewDisposeScope();
            var count = Math.Min(blockSize, samples - start);
            var inputBlock = allInputs.narrow(0, start * positions, count * positions);
            var errorBlock = allErrors.narrow(0, start * positions, count * positions);
            var products = errorBlock.mm(allErrors.t()).mul(inputBlock.mm(allInputs.t())); // [b·T, N·T]
            var block = products.view(count, positions, samples, positions).sum([1L, 3L]); // [b, N]
            gram.narrow(0, start, count).AddInPlace(block);
        }
    }

    // Input and output gradient as [N, T, I] and [N, T, O]; a two-dimensional pair has T = 1.
    private (Tensor Input, Tensor Error) Positions(Tensor outputGradient)
    {
        var samples = outputGradient.shape[0];
        return (_input.reshape(samples, -1, _input.shape[^1]), outputGradient.reshape(samples, -1, outputGradient.shape[^1]));
    }
}
