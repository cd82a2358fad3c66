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
        var rows = PerSampleGradient(outputGradient).flatten(1).to(ScalarType.Float64); // [N, P]
        return rows.mv(direction.flatten().to(ScalarType.Float64));
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
    protected static void GramOf(Tensor gram, Tensor gradients)
    {
        var rows = gradients.flatten(1).to(ScalarType.Float64); // [N, P]
        gram.AddInPlace(rows.mm(rows.t()));
    }

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
