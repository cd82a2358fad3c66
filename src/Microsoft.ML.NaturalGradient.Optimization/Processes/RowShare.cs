using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>The rows of a batch that one process evaluates: neighbours, and as many in each process as in any other, but for one.</summary>
/// <param name="Start">Its first row.</param>
/// <param name="Count">Its rows; zero where there are fewer rows than processes.</param>
internal readonly record struct RowShare(long Start, long Count)
{
    /// <summary>Whether a row belongs to it.</summary>
    /// <param name="row">The row's place in the batch.</param>
    public bool Contains(long row) => row >= Start && row < Start + Count;

    /// <summary>Takes it of a tensor.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="dimension">Its dimension of rows.</param>
    /// <returns>A view, in the caller's dispose scope.</returns>
    public Tensor Of(Tensor tensor, long dimension) => tensor.narrow(dimension, Start, Count);

    /// <summary>A part of it.</summary>
    /// <param name="part">The part, counted from its first row; what it has beyond the last is left out.</param>
    public RowShare Within(RowShare part)
    {
        var first = Math.Min(part.Start, Count);
        return new RowShare(Start + first, Math.Min(part.Count, Count - first));
    }

    /// <summary>Divides rows.</summary>
    /// <param name="rows">Rows N.</param>
    /// <param name="rank">The process.</param>
    /// <param name="size">Processes K.</param>
    public static RowShare Of(long rows, int rank, int size)
    {
        var (start, end) = (rows * rank / size, rows * (rank + 1) / size);
        return new RowShare(start, end - start);
    }
}
