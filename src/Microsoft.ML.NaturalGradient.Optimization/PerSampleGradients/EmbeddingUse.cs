using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A table [V, D] looked up by ids: G_n[v] = Σ_{t: id_nt = v} E_nt.</summary>
/// <remarks>
/// C[n,m] = Σ_{t,t'} [id_nt = id_mt'] ⟨E_nt, E_mt'⟩, from the rows of the ids that occur, in parts; [N, V, D] is never formed.
/// </remarks>
internal sealed class EmbeddingUse : ParameterUse
{
    private readonly Tensor _ids; // [N, T]

    /// <summary>Records one look-up.</summary>
    /// <param name="table">The table, [V, D].</param>
    /// <param name="ids">Ids, [N, T], int64; an alias is kept until <see cref="Dispose"/>.</param>
    public EmbeddingUse(Parameter table, Tensor ids)
        : base(table)
    {
        _ids = Keep(ids);
    }

    /// <inheritdoc/>
    public override string Kind => "embeddings";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) => PerSampleSlice(outputGradient, 0, Parameter.shape[0]);

    /// <inheritdoc/>
    public override Tensor PerSampleSlice(Tensor outputGradient, long start, long count) => RowsOf(_ids, outputGradient, start, count);

    /// <inheritdoc/>
    /// <remarks>
    /// Most ids of real texts occur in one sample only and touch the diagonal alone; rows [N, D] are formed for the others, U' of them: N²·U'·D operations, where comparing all
    /// pairs of positions takes N²·T²·D.
    /// </remarks>
    public override void AddGram(Tensor gram, Tensor outputGradient, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var (samples, width, device) = (_ids.shape[0], outputGradient.shape[^1], _ids.device);
        var (used, numbers, _) = _ids.unique(sorted: true, return_inverse: true); // [U], [N, T]
        var perId = tensor(samples, device: device);
        var keys = numbers!.mul(perId).Plus(TensorMath.Indices(samples, device).unsqueeze(1)).flatten(); // an id and a sample, [N·T]
        var (cells, places, _) = keys.unique(sorted: true, return_inverse: true); // [K], [N·T]
        var sums = zeros(cells.shape[0], width, dtype: type, device: device).AddRowsInPlace(places!, outputGradient.flatten(0, 1).to(type)); // [K, D]
        var (ids, owners) = (cells.floor_divide(perId), cells.remainder(perId)); // [K]
        var isShared = ids.bincount(null, used.shape[0]).GreaterThan(1L); // [U]
        var sharedNumbers = isShared.cumsum(0, ScalarType.Int64).Minus(1).index_select(0, ids); // [K]
        var shared = isShared.index_select(0, ids); // [K]

        var alone = shared.logical_not().nonzero().squeeze(1);
        gram.diagonal().AddRowsInPlace(owners.index_select(0, alone), sums.index_select(0, alone).to(ScalarType.Float64).Square().sum(1));
        ForEachChunk(isShared.sum().item<long>(), samples * width, (start, count) =>
        {
            var here = sharedNumbers.Minus(start); // [K]
            var inside = shared.logical_and(here.GreaterThan(-1L)).logical_and(here.GreaterThan(count - 1).logical_not()).nonzero().squeeze(1);
            var rows = zeros(samples, count, width, dtype: type, device: device); // [N, u, D]
            rows.index_put_(sums.index_select(0, inside), owners.index_select(0, inside), here.index_select(0, inside));
            gram.AddInPlace(rows.flatten(1).mm(rows.flatten(1).t()));
        });
    }

    /// <inheritdoc/>
    public override bool PrefersPairs(Tensor outputGradient) => true;

    /// <inheritdoc/>
    /// <remarks>With a linear weight W [V, D], the gradient of which is Σ_t' e a ᵀ: C[n,m] = Σ_{t,t'} e_mt'[id_nt] ⟨E_nt, a_mt'⟩.</remarks>
    public override void AddCrossGram(Tensor gram, Tensor outputGradient, ParameterUse other, Tensor otherGradient)
    {
        using var scope = NewDisposeScope();
        switch (other)
        {
            case EmbeddingUse embedding:
                AddEqualIds(gram, outputGradient.to(ScalarType.Float64), embedding, otherGradient.to(ScalarType.Float64));
                break;
            case LinearWeightUse when other.LinearPair(otherGradient) is var (inputs, errors):
                AddLinear(gram, outputGradient.to(ScalarType.Float64), inputs.flatten(0, 1).to(ScalarType.Float64), errors.flatten(0, 1).to(ScalarType.Float64));
                break;
            default:
                base.AddCrossGram(gram, outputGradient, other, otherGradient);
                break;
        }
    }

    /// <inheritdoc/>
    public override Tensor Combine(Tensor outputGradient, Tensor weights)
    {
        var table = zeros(Parameter.shape, dtype: outputGradient.dtype, device: outputGradient.device); // [V, D]
        return table.AddRowsInPlace(_ids.flatten(), Weighted(outputGradient, weights).flatten(0, 1));
    }

    /// <inheritdoc/>
    public override Tensor Dot(Tensor outputGradient, Tensor direction)
    {
        var moved = direction.index_select(0, _ids.flatten()).view(outputGradient.shape); // [N, T, D]
        return moved.mul(outputGradient).flatten(1).to(ScalarType.Float64).sum(1); // [N]
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> KeptRows => [_ids];

    /// <inheritdoc/>
    public override ParameterUse WithRows(IReadOnlyList<Tensor> rows) => new EmbeddingUse(Parameter, rows[0]);

    /// <inheritdoc/>
    public override void Dispose() => _ids.Dispose();

    // E [N, T, D] and E' [M, T', D], float64.
    private void AddEqualIds(Tensor gram, Tensor errors, EmbeddingUse other, Tensor otherErrors)
    {
        var (ids, all) = (_ids.flatten(), errors.flatten(0, 1)); // [N·T], [N·T, D]
        var (otherIds, others) = (other._ids.flatten(), otherErrors.flatten(0, 1)); // [M·T'], [M·T', D]
        var positions = _ids.shape[1];
        ForEachChunk(_ids.shape[0], positions * otherIds.shape[0], (start, count) =>
        {
            var block = all.narrow(0, start * positions, count * positions);
            var same = ids.narrow(0, start * positions, count * positions).unsqueeze(1).eq(otherIds.unsqueeze(0)); // [b·T, M·T']
            AddPairs(gram, start, count, block.mm(others.t()).mul_(same));
        });
    }

    // E [N, T, D]; a [M·T', D] and e [M·T', V] of a linear weight; float64.
    private void AddLinear(Tensor gram, Tensor errors, Tensor inputs, Tensor linearErrors)
    {
        var (ids, all, positions) = (_ids.flatten(), errors.flatten(0, 1), _ids.shape[1]); // [N·T], [N·T, D]
        ForEachChunk(_ids.shape[0], 2 * positions * inputs.shape[0], (start, count) =>
        {
            var block = all.narrow(0, start * positions, count * positions);
            var chosen = linearErrors.index_select(1, ids.narrow(0, start * positions, count * positions)); // [M·T', b·T]
            AddPairs(gram, start, count, block.mm(inputs.t()).mul_(chosen.t()));
        });
    }

    // Adds up, over the positions of both, what every pair of positions gives, [b·T, M·T'], to rows start to start + count.
    private static void AddPairs(Tensor gram, long start, long count, Tensor products) =>
        gram.narrow(0, start, count).AddInPlace(products.view(count, products.shape[0] / count, gram.shape[1], -1).sum([1L, 3L]));

    // Rows start to start + count of the table that each sample adds up, [N, v, D].
    private static Tensor RowsOf(Tensor ids, Tensor errors, long start, long count)
    {
        var (samples, width) = (errors.shape[0], errors.shape[^1]);
        // What lies outside the slice goes to one more row, which is dropped.
        var shifted = ids.Minus(start); // [N, T]
        var index = shifted.where(shifted.GreaterThan(-1), shifted.FilledWith(count)).AtMost(count);
        var rows = zeros(samples, count + 1, width, dtype: errors.dtype, device: errors.device);
        return rows.scatter_add_(1, index.unsqueeze(-1).expand(-1, -1, width), errors).narrow(1, 0, count);
    }
}
