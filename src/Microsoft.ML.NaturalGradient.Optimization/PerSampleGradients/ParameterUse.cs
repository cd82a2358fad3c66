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
    private const long SymmetricParts = 4;
    private const long ManyColumns = 4096; // from where on dividing a sum pays
    private const long Slices = 16;

    /// <summary>Most bytes of float64 numbers that a rule forms at a time, unless a single row or column takes more.</summary>
    /// <remarks>Measured: larger parts gain nothing, and blocks above 32 MB, which the C library gives back unless something trains, cost every page anew.</remarks>
    public long ChunkBytes { get; init; } = 24L << 20;

    /// <summary>The parameter that was used.</summary>
    public Parameter Parameter { get; } = parameter;

    /// <summary>Length of the parameter's first dimension, which slices are taken of; 1 for a parameter without dimensions.</summary>
    public long Length => Parameter.dim() == 0 ? 1 : Parameter.shape[0];

    /// <summary>What parameters used like this are called in messages, in the plural.</summary>
    public abstract string Kind { get; }

    /// <summary>Computes the gradient of every sample's own loss.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <returns>[N, shape of the parameter], but for dimensions of length 1; in the caller's dispose scope.</returns>
    public abstract Tensor PerSampleGradient(Tensor outputGradient);

    /// <summary>Computes a slice of the gradient of every sample's own loss, over the parameter's first dimension.</summary>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <param name="start">First index of the slice.</param>
    /// <param name="count">Indices in the slice.</param>
    /// <returns>[N, count, ...]; in the caller's dispose scope.</returns>
    public virtual Tensor PerSampleSlice(Tensor outputGradient, long start, long count) =>
        PerSampleGradient(outputGradient).reshape([outputGradient.shape[0], Length, .. Parameter.shape.Skip(1)]).narrow(1, start, count);

    /// <summary>Adds this use's inner products of per-sample gradients to a Gram matrix.</summary>
    /// <param name="gram">C, [N, N], float64; modified.</param>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <param name="type">Type in which products are added up within a part of at most <see cref="ChunkBytes"/>; parts are added in float64.</param>
    public virtual void AddGram(Tensor gram, Tensor outputGradient, ScalarType type)
    {
        var formed = PerSampleGradient(outputGradient);
        AddProducts(gram, formed, formed, type);
    }

    /// <summary>Adds the inner products with the per-sample gradients of another use of the same parameter, of this or another forward pass.</summary>
    /// <param name="gram">C, [N, M], float64; modified.</param>
    /// <param name="outputGradient">E = ∂Σℓ/∂output, [N, ...].</param>
    /// <param name="other">The other use, of any kind.</param>
    /// <param name="otherGradient">Its ∂Σℓ/∂output, [M, ...].</param>
    public virtual void AddCrossGram(Tensor gram, Tensor outputGradient, ParameterUse other, Tensor otherGradient) =>
        ForEachChunk(Length, (gram.shape[0] + gram.shape[1]) * (Parameter.numel() / Length), (start, count) =>
            AddProducts(gram, PerSampleSlice(outputGradient, start, count), other.PerSampleSlice(otherGradient, start, count), ScalarType.Float64));

    /// <summary>Whether inner products cost less from pairs of positions than from gradients that are formed.</summary>
    /// <param name="outputGradient">E, [N, ...].</param>
    public virtual bool PrefersPairs(Tensor outputGradient) => false;

    /// <summary>What was kept of the forward pass, [n, ...] each, by which <see cref="WithRows"/> makes the same use of other rows; null where it takes less to form gradients.</summary>
    public virtual IReadOnlyList<Tensor>? KeptRows => null;

    /// <summary>Makes the use of rows that lay end to end when it was recorded, each a sample of its own.</summary>
    /// <param name="packed">How they lay.</param>
    /// <returns>The use; owned by the caller.</returns>
    /// <exception cref="NotSupportedException">The parameter is not used by layers that read packed rows.</exception>
    public virtual ParameterUse Apart(PackedRows packed) => throw new NotSupportedException($"Parameters that are {Kind} cannot be recorded of packed rows.");

    /// <summary>Makes the use of other rows of the same batch.</summary>
    /// <param name="rows">What the use of those rows has in <see cref="KeptRows"/>; aliases are kept.</param>
    /// <returns>The use; the caller disposes it.</returns>
    public virtual ParameterUse WithRows(IReadOnlyList<Tensor> rows) => throw new NotSupportedException("Gradients of this use are formed.");

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

    /// <summary>Adds G G'ᵀ.</summary>
    /// <param name="gram">C, [N, M], float64; modified.</param>
    /// <param name="gradients">G, [N, ...].</param>
    /// <param name="others">G', [M, ...]; may be <paramref name="gradients"/> itself.</param>
    /// <param name="type">Type of the products within a part.</param>
    protected void AddProducts(Tensor gram, Tensor gradients, Tensor others, ScalarType type)
    {
        var (left, right) = (gradients.flatten(1), others.flatten(1)); // [N, P], [M, P]
        ForEachChunk(left.shape[1], left.shape[0], (start, count) =>
        {
            var rows = left.narrow(1, start, count).to(type);
            var columns = ReferenceEquals(gradients, others) ? rows : right.narrow(1, start, count).to(type);
            if (count < ManyColumns || count % Slices != 0)
            {
                gram.AddInPlace(rows.mm(columns.t()));
                return;
            }

            // Few rows leave other processors idle unless the sum is divided among them.
            var (slices, otherSlices) = (rows.view(rows.shape[0], Slices, -1).transpose(0, 1), columns.view(columns.shape[0], Slices, -1).transpose(0, 1)); // [S, N, c], [S, M, c]
            gram.AddInPlace(slices.bmm(otherSlices.transpose(1, 2)).sum([0L], type: ScalarType.Float64));
        });
    }

    /// <summary>Divides work into parts that keep to <see cref="ChunkBytes"/>; each part runs in a dispose scope of its own.</summary>
    /// <param name="total">Items in all.</param>
    /// <param name="numbersOfItem">Float64 numbers that an item takes.</param>
    /// <param name="part">Takes the first item and the number of items of a part.</param>
    /// <param name="most">Most items of a part, at least 1.</param>
    protected void ForEachChunk(long total, long numbersOfItem, Action<long, long> part, long most = long.MaxValue)
    {
        var size = Math.Clamp(ChunkBytes / Math.Max(1, numbersOfItem * sizeof(double)), 1, Math.Clamp(total, 1, most));
        for (long start = 0; start < total; start += size)
        {
            using var scope = NewDisposeScope();
            part(start, Math.Min(size, total - start));
        }
    }

    /// <summary>Adds G Gᵀ for G_n = E_nᵀ A_n, formed in blocks of G, or in ghost form where that takes fewer operations.</summary>
    /// <param name="gram">C, [N, N], float64; modified.</param>
    /// <param name="pair">A, [N, T, I], and E, [N, T, O].</param>
    /// <param name="type">Type of the products within a part.</param>
    protected void AddLinearGram(Tensor gram, (Tensor Inputs, Tensor Errors) pair, ScalarType type)
    {
        if (PrefersGhost(pair))
        {
            AddGhostProducts(gram, pair, pair, type);
            return;
        }

        // G_n or its transpose, which has the same products: few long rows are formed several times faster than many short ones.
        var (narrow, wide) = pair.Inputs.shape[2] < pair.Errors.shape[2] ? pair : (pair.Errors, pair.Inputs);
        ForEachChunk(narrow.shape[2], wide.shape[0] * wide.shape[2], (start, count) =>
        {
            var formed = narrow.narrow(2, start, count).transpose(1, 2).bmm(wide);
            AddProducts(gram, formed, formed, type);
        });
    }

    /// <summary>Adds G G'ᵀ for G_n = E_nᵀ A_n in ghost form: C[n,m] = Σ_{t,t'} (E_n E'_mᵀ ∘ A_n A'_mᵀ)[t,t'].</summary>
    /// <param name="gram">C, [N, M], float64; modified.</param>
    /// <param name="left">A, [N, T, I], and E, [N, T, O].</param>
    /// <param name="right">A', [M, T', I], and E', [M, T', O]; may be <paramref name="left"/>.</param>
    /// <param name="type">Type of the products.</param>
    protected void AddGhostProducts(Tensor gram, (Tensor Inputs, Tensor Errors) left, (Tensor Inputs, Tensor Errors) right, ScalarType type)
    {
        var (samples, positions, others, otherPositions) = (left.Inputs.shape[0], left.Inputs.shape[1], right.Inputs.shape[0], right.Inputs.shape[1]);
        var inputs = left.Inputs.flatten(0, 1).to(type); // [N·T, I]
        var errors = left.Errors.flatten(0, 1).to(type); // [N·T, O]
        var otherInputs = ReferenceEquals(left.Inputs, right.Inputs) ? inputs : right.Inputs.flatten(0, 1).to(type); // [M·T', I]
        var otherErrors = ReferenceEquals(left.Errors, right.Errors) ? errors : right.Errors.flatten(0, 1).to(type); // [M·T', O]
        // A matrix of one set of rows is symmetric: each part meets the samples from its own on, so parts are small ones.
        var isSymmetric = ReferenceEquals(inputs, otherInputs) && ReferenceEquals(errors, otherErrors);
        ForEachChunk(
            samples, 2 * others * positions * otherPositions,
            (start, count) =>
            {
                var inputBlock = inputs.narrow(0, start * positions, count * positions);
                var errorBlock = errors.narrow(0, start * positions, count * positions);
                var first = isSymmetric ? start : 0;
                var (from, length) = (first * otherPositions, (others - first) * otherPositions);
                var products = errorBlock.mm(otherErrors.narrow(0, from, length).t()).mul_(inputBlock.mm(otherInputs.narrow(0, from, length).t()));
                var sums = products.view(count, positions, others - first, otherPositions).sum([1L, 3L], type: ScalarType.Float64); // [b, M - first]
                gram.narrow(0, start, count).narrow(1, first, others - first).AddInPlace(sums);
                var rest = samples - start - count;
                if (isSymmetric && rest > 0)
                {
                    gram.narrow(0, start + count, rest).narrow(1, start, count).AddInPlace(sums.narrow(1, count, rest).t());
                }
            },
            isSymmetric ? (samples + SymmetricParts - 1) / SymmetricParts : long.MaxValue);
    }

    /// <summary>Whether the ghost form of the Gram matrix of such a pair needs fewer operations than materialising G.</summary>
    protected static bool PrefersGhost((Tensor Inputs, Tensor Errors) pair) =>
        PrefersGhost(pair.Inputs.shape[0], pair.Inputs.shape[1], pair.Inputs.shape[2], pair.Errors.shape[2]);

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

    /// <summary>Takes a tensor out of the autograd graph and of every dispose scope, for keeping; numbers of 16 bits in 32, like the errors.</summary>
    protected static Tensor Keep(Tensor tensor) => tensor.detach().Wide().DetachFromDisposeScope();
}
