using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A table [V, D] looked up by ids: G_n[v] = Σ_{t: id_nt = v} E_nt.</summary>
/// <remarks>C[n,m] = Σ_{t,t'} [id_nt = id_mt'] ⟨E_nt, E_mt'⟩, so that [N, V, D] is never formed.</remarks>
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
    public override Tensor PerSampleSlice(Tensor outputGradient, long start, long count)
    {
        var (samples, width) = (outputGradient.shape[0], outputGradient.shape[^1]);
        // What lies outside the slice goes to one more row, which is dropped.
        var shifted = _ids.Minus(start); // [N, T]
        var index = shifted.where(shifted.GreaterThan(-1), shifted.FilledWith(count)).AtMost(count);
        var rows = zeros(samples, count + 1, width, dtype: outputGradient.dtype, device: outputGradient.device);
        return rows.scatter_add_(1, index.unsqueeze(-1).expand(-1, -1, width), outputGradient).narrow(1, 0, count); // [N, v, D]
    }

    /// <inheritdoc/>
    public override void AddGram(Tensor gram, Tensor outputGradient)
    {
        using var scope = NewDisposeScope();
        var (samples, positions) = (_ids.shape[0], _ids.shape[1]);
        var ids = _ids.flatten(); // [N·T]
        var errors = outputGradient.flatten(0, 1).to(ScalarType.Float64); // [N·T, D]
        var products = errors.mm(errors.t()).mul(ids.unsqueeze(1).eq(ids.unsqueeze(0))); // [N·T, N·T]
        gram.AddInPlace(products.view(samples, positions, samples, positions).sum([1L, 3L]));
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
    public override void Dispose() => _ids.Dispose();
}
