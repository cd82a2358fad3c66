using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Rows that a linear head is solved on; the tensors stay the caller's.</summary>
/// <param name="vectors">What the head reads, [N, D].</param>
/// <param name="labels">Labels, [N] or [N, L].</param>
/// <param name="weights">How often each row counts, [N], float64; null for one each.</param>
internal sealed class HeadRows(Tensor vectors, Tensor labels, Tensor? weights = null)
{
    /// <summary>What the head reads, [N, D].</summary>
    public Tensor Vectors { get; } = vectors;

    /// <summary>Labels, [N] or [N, L].</summary>
    public Tensor Labels { get; } = labels;

    /// <summary>How often each row counts, [N], float64; null for one each.</summary>
    public Tensor? Weights { get; } = weights;

    /// <summary>Rows N.</summary>
    public long Count => Labels.shape[0];

    /// <summary>Rows, each as often as it counts.</summary>
    public double TotalWeight
    {
        get
        {
            using var scope = NewDisposeScope();
            return Weights?.sum().item<double>() ?? Count;
        }
    }

    /// <summary>Some of the rows.</summary>
    /// <param name="rows">Which, int64.</param>
    /// <returns>Copies, in the caller's dispose scope.</returns>
    public HeadRows Of(Tensor rows) => new(Vectors.index_select(0, rows), Labels.index_select(0, rows), Weights?.index_select(0, rows));
}
