using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>How often each row of a batch counts: weight c_n means the same as the row standing c_n times.</summary>
/// <remarks>
/// Methods that solve with per-sample gradients take the rows √c_n g_n: (X Xᵀ + λ diag(1/c)) w = t, d = Xᵀw is the system of the rows √c_n x_n with the
/// target √c_n t_n and the plain damping. Means over rows become Σ c_n x_n / Σ c_n.
/// </remarks>
internal sealed class RowWeights : IDisposable
{
    private readonly bool _equal; // one each

    /// <summary>Keeps weights.</summary>
    /// <param name="weights">c, [N], greater than zero; copied. Null for one each.</param>
    /// <param name="samples">Samples N.</param>
    /// <param name="device">Where the batch is.</param>
    public RowWeights(Tensor? weights, long samples, Device device)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _equal = weights is null;
        var values = weights?.detach().to(ScalarType.Float64).to(device) ?? ones(samples, dtype: ScalarType.Float64, device: device);
        Values = values.clone().DetachFromDisposeScope();
        Roots = values.sqrt().DetachFromDisposeScope();
        Sum = _equal ? samples : values.sum().item<double>();
    }

    private RowWeights(bool equal, double sum, Tensor values, Tensor roots)
    {
        (_equal, Sum) = (equal, sum);
        Values = values.DetachFromDisposeScope();
        Roots = roots.DetachFromDisposeScope();
    }

    /// <summary>c, [N], float64.</summary>
    public Tensor Values { get; }

    /// <summary>√c, [N], float64.</summary>
    public Tensor Roots { get; }

    /// <summary>Samples N.</summary>
    public long Count => Values.shape[0];

    /// <summary>Σ c_n: the rows that the batch stands for.</summary>
    public double Sum { get; }

    /// <summary>The weights of some of the rows, with the <see cref="Sum"/> of all, so that their means are shares of the mean over all.</summary>
    /// <param name="start">First row.</param>
    /// <param name="count">Rows.</param>
    /// <returns>Views; the caller disposes them.</returns>
    public RowWeights Of(long start, long count) => new(_equal, Sum, Values.narrow(0, start, count), Roots.narrow(0, start, count));

    /// <summary>The weight of one row that does not count, with the <see cref="Sum"/> of all.</summary>
    /// <returns>Zero; the caller disposes it.</returns>
    public RowWeights OfNothing() => new(false, Sum, zeros_like(Values.narrow(0, 0, 1)), zeros_like(Values.narrow(0, 0, 1)));

    /// <summary>Multiplies each row by its weight.</summary>
    /// <param name="rows">[N, ...], or [N·T, ...] with T positions of each row one after the other; not modified.</param>
    /// <returns>Shaped and typed alike, <paramref name="rows"/> itself where all weights are one; in the caller's dispose scope.</returns>
    public Tensor Times(Tensor rows) => Times(rows, Values);

    /// <summary>Multiplies each row by the root of its weight.</summary>
    /// <inheritdoc cref="Times(Tensor)"/>
    public Tensor TimesRoots(Tensor rows) => Times(rows, Roots);

    /// <summary>The mean of one number for each row.</summary>
    /// <param name="values">[N].</param>
    public double Mean(Tensor values)
    {
        using var scope = NewDisposeScope();
        return _equal ? values.mean().item<double>() : Times(values).sum().item<double>() / Sum;
    }

    /// <summary>How often the rows count of which something holds.</summary>
    /// <param name="holds">Whether it holds, [N], bool.</param>
    public double SumOver(Tensor holds)
    {
        using var scope = NewDisposeScope();
        return Values.mul(holds.to(ScalarType.Float64)).sum().item<double>();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        Roots.Dispose();
    }

    private Tensor Times(Tensor rows, Tensor factors)
    {
        if (_equal)
        {
            return rows;
        }

        var shape = new long[rows.dim()];
        Array.Fill(shape, 1);
        shape[0] = rows.shape[0];
        return rows.mul(factors.repeat_interleave(rows.shape[0] / factors.shape[0]).to(rows.dtype).view(shape));
    }
}
