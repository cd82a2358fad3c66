using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A table θ [1, T, D] whose rows are mixed by a fixed matrix M [T', T] and expanded over the batch (resized positions): G_n = Mᵀ E_n.</summary>
/// <remarks>
/// The recorded output is the explicitly expanded M·θ, [N, T', D]. C[n,m] = ⟨E_n, M Mᵀ E_m⟩, so that [N, T, D] is never formed, which is
/// larger where a picture is smaller than those of pretraining.
/// </remarks>
internal sealed class MappedBroadcastUse : ParameterUse
{
    private readonly Tensor _map; // M, [T', T]

    /// <summary>Records one use.</summary>
    /// <param name="table">The table θ, [1, T, D].</param>
    /// <param name="map">M, [T', T]; an alias is kept until <see cref="Dispose"/>.</param>
    public MappedBroadcastUse(Parameter table, Tensor map)
        : base(table)
    {
        _map = Keep(map);
    }

    /// <inheritdoc/>
    public override string Kind => "expanded parameters";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) => ForEach(_map.t(), outputGradient); // [N, T, D]

    /// <inheritdoc/>
    public override void AddGram(Tensor gram, Tensor outputGradient, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var errors = outputGradient.to(type);
        var map = _map.to(type);
        var moved = ForEach(map.mm(map.t()), errors); // [N, T', D]
        gram.AddInPlace(errors.flatten(1).mm(moved.flatten(1).t()));
    }

    /// <inheritdoc/>
    public override Tensor Combine(Tensor outputGradient, Tensor weights) =>
        _map.t().mm(Weighted(outputGradient, weights).sum(0L)).view_as(Parameter);

    /// <inheritdoc/>
    public override Tensor Dot(Tensor outputGradient, Tensor direction)
    {
        var moved = _map.mm(direction.flatten(0, 1)); // [T', D]
        return moved.mul(outputGradient).flatten(1).to(ScalarType.Float64).sum(1); // [N]
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> KeptRows => [];

    /// <inheritdoc/>
    public override ParameterUse WithRows(IReadOnlyList<Tensor> rows) => new MappedBroadcastUse(Parameter, _map);

    /// <inheritdoc/>
    public override void Dispose() => _map.Dispose();

    private static Tensor ForEach(Tensor matrix, Tensor samples) => matrix.unsqueeze(0).expand(samples.shape[0], -1, -1).bmm(samples);
}
