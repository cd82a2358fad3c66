using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Finds the rows that the code of the iEF paper leaves out because they nearly repeat another one.</summary>
/// <remarks>
/// For every pair with |cos(g_i, g_j)| above the threshold the shorter row goes (of equals the later one), even if the longer one has gone
/// itself. The paper does not mention it; a rank-aware solve does not need it, since a repeated row does not change its direction.
/// </remarks>
internal static class DuplicateFilter
{
    /// <summary>Chooses the rows that stay.</summary>
    /// <param name="gram">Inner products of the rows, [N, N]; any scale of a row will do.</param>
    /// <param name="squaredNorms">‖g_n‖² of the rows as they are compared in length, [N].</param>
    /// <param name="threshold">Largest |cos| of rows that both stay.</param>
    /// <returns>Indices of the rows that stay, [K], int64; owned by the caller.</returns>
    public static Tensor Kept(Tensor gram, Tensor squaredNorms, double threshold)
    {
        using var scope = NewDisposeScope();
        var inner = gram.to(ScalarType.Float64).cpu().data<double>().ToArray();
        var norms = squaredNorms.to(ScalarType.Float64).cpu().data<double>().ToArray();
        var count = norms.Length;
        var gone = new bool[count];
        for (var i = 0; i < count; i++)
        {
            for (var j = i + 1; j < count; j++)
            {
                var cosine = inner[(i * count) + j] / Math.Sqrt(inner[(i * count) + i] * inner[(j * count) + j]);
                if (Math.Abs(cosine) > threshold)
                {
                    gone[norms[i] < norms[j] ? i : j] = true;
                }
            }
        }

        return tensor(Enumerable.Range(0, count).Where(i => !gone[i]).Select(i => (long)i).ToArray(), dtype: ScalarType.Int64)
            .to(gram.device).MoveToOuterDisposeScope();
    }
}
