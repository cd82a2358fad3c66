using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>One application of one parameter in a forward pass: how its per-sample gradient follows from the output's gradient E.</summary>
/// <remarks>
/// A layer rule derives from this. <see cref="PerSampleGradient"/> is enough to be correct; the other three are overridden where
/// a formula avoids materialising [N, P_layer].
/// </remarks>
/// <param name="parameter">The parameter; owned by its module.</param>
internal abstract class ParameterUse(Parameter parameter) : IDisposable
{
    /// <summary>Most bytes of float64 numbers that a rule forms at a time, unless a single row or column takes more.</summary>
    public long ChunkBytes { get; init; } = 256L << 20;

    /// <summary>The parameter that was used.</summary>
    public Parameter Parameter { get; } = parameter;

    /// <summary>What parameters used like this are called in messages, in the plural.</summary>
    public abstract string Kind { get; }

    /// <summary>Computes the gradient of every sample's own loss.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <returns>[N, shape of the parameter]; in the caller's dispose scope.</returns>
    public abstract Tensor PerSampleGradient(Tensor outputGradient);

    /// <summary>Computes a slice of the gradient of every sample's own loss, over the parameter's first dimension.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <param name="start">First index of the slice.</param>
    /// <param name="count">Indices in the slice.</param>
    /// <returns>[N, count, ...]; in the caller's dispose scope.</returns>
    public virtual Tensor PerSampleSlice(Tensor outputGradient, long start, long count) =>
        PerSampleGradient(outputGradient).narrow(1, start, count);

    /// <summary>Adds this use's inner products of per-sample gradients to a Gram matrix.</summary>
    /// <param name="gram">C, [N, N], float64; modified.</param>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    public virtual void AddGram(Tensor gram, Tensor outputGradient) =>
        GramOf(gram, PerSampleGradient(outputGradient));

    /// <summary>Computes Σ_n w_n ∇ℓ_n for this use.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <param name="weights">w, [N], of E's type.</param>
    /// <returns>Shaped like the parameter; in the caller's dispose scope.</returns>
    public virtual Tensor Combine(Tensor outputGradient, Tensor weights)
    {
        var rows = PerSampleGradient(outputGradient).flatten(1); // [N, P]
        return rows.t().mv(weights).view_as(Parameter);
    }

    /// <summary>Computes each sample's ⟨∇ℓ_n, v⟩ for this use.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <param name="direction">v, shaped like the parameter, of E's type.</param>
    /// <returns>[N], float64; in the caller's dispose scope.</returns>
    public virtual Tensor Dot(Tensor outputGradient, Tensor direction)
    {
        var (rows, flat) = (PerSampleGradient(outputGradient).flatten(1), direction.flatten()); // [N, P], [P]
        var sum = zeros(rows.shape[0], dtype: ScalarType.Float64, device: rows.device); // [N]
        ForEachChunk(rows.shape[1], rows.shape[0], (start, count) =>
            sum.AddInPlace(rows.narrow(1, start, count).to(ScalarType.Float64).mv(flat.narrow(0, start, count).to(ScalarType.Float64))));
        return sum;
    }

    /// <summary>Gives what goes in and out at every position, where the parameter's gradient is Σ_t e_t a_tᵀ.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <returns>Inputs a, [N, T, I], and errors e, [N, T, O]; in the caller's dispose scope. I is 0 for a bias; null where there is no such form.</returns>
    public virtual (Tensor Inputs, Tensor Errors)? LinearPair(Tensor outputGradient) => null;

    /// <summary>Gives the gradient of a vector at every position, where it is one number per feature.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <returns>[N·T, size of the parameter]; in the caller's dispose scope; null where there is no such form.</returns>
    public virtual Tensor? PositionGradients(Tensor outputGradient) => null;

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Adds G Gᵀ in float64.</summary>
    /// <param name="gram">C, [N, N], float64; modified.</param>
    /// <param name="gradients">G, [N, ...].</param>
    protected void GramOf(Tensor gram, Tensor gradients)
    {
        var all = gradients.flatten(1); // [N, P]
        ForEachChunk(all.shape[1], all.shape[0], (start, count) =>
        {
            var rows = all.narrow(1, start, count).to(ScalarType.Float64);
            gram.AddInPlace(rows.mm(rows.t()));
        });
    }

    /// <summary>Divides work into parts that keep to <see cref="ChunkBytes"/>; each part runs in a dispose scope of its own.</summary>
    /// <param name="total">Items in all.</param>
    /// <param name="numbersOfItem">Float64 numbers that an item takes.</param>
    /// <param name="part">Takes the first item and the number of items of a part.</param>
    protected void ForEachChunk(long total, long numbersOfItem, Action<long, long> part)
    {
        var size = Math.Clamp(ChunkBytes / Math.Max(1, numbersOfItem * sizeof(double)), 1, Math.Max(1, total));
        for (long start = 0; start < total; start += size)
        {
            using var scope = NewDisposeScope();
            part(start, Math.Min(size, total - start));
        }
    }

    /// <summary>Adds G Gᵀ for G_n = E_nᵀ A_n, formed in blocks of G, or in ghost form where that takes fewer operations.</summary>
    /// <param name="gram">C, [N, N], float64; modified.</param>
    /// <param name="input">A, [N, T, I].</param>
    /// <param name="error">E, [N, T, O].</param>
    protected void AddLinearGram(Tensor gram, Tensor input, Tensor error)
    {
        var (samples, positions, inputSize, outputSize) = (input.shape[0], input.shape[1], input.shape[2], error.shape[2]);
        if (!PrefersGhost(samples, positions, inputSize, outputSize))
        {
            ForEachChunk(outputSize, samples * inputSize, (start, count) =>
                GramOf(gram, error.narrow(2, start, count).transpose(1, 2).bmm(input)));
            return;
        }

        var allInputs = input.flatten(0, 1).to(ScalarType.Float64); // [N·T, I]
        var allErrors = error.flatten(0, 1).to(ScalarType.Float64); // [N·T, O]
        ForEachChunk(samples, 2 * samples * positions * positions, (start, count) =>
        {
            var inputBlock = allInputs.narrow(0, start * positions, count * positions);
            var errorBlock = allErrors.narrow(0, start * positions, count * positions);
            var products = errorBlock.mm(allErrors.t()).mul(inputBlock.mm(allInputs.t())); // [b·T, N·T]
            gram.narrow(0, start, count).AddInPlace(products.view(count, positions, samples, positions).sum([1L, 3L])); // [b, N]
        });
    }

    /// <summary>Whether the ghost form of the Gram matrix needs fewer operations than materialising G.</summary>
    internal static bool PrefersGhost(double samples, double positions, double inputSize, double outputSize) =>
        (samples + 1) * positions * positions * (inputSize + outputSize)
        < (2 * positions * inputSize * outputSize) + (samples * inputSize * outputSize);

    /// <summary>Multiplies each sample of E by its weight.</summary>
    protected static Tensor Weighted(Tensor outputGradient, Tensor weights)
    {
        var shape = new long[outputGradient.dim()];
        Array.Fill(shape, 1);
        shape[0] = outputGradient.shape[0];
        return outputGradient.mul(weights.view(shape));
    }

    /// <summary>Takes a tensor out of the autograd graph and of every dispose scope, for keeping.</summary>
    protected static Tensor Keep(Tensor tensor) => tensor.detach().DetachFromDisposeScope();
}
