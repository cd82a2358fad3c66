using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>The matrix products of one LoRA training step and nothing else: the floor under its time.</summary>
/// <remarks>
/// Forward and backward of an encoder with LoRA on query and value. Below the first layer nothing is trained, so no
/// gradient goes there and the products for it are left out.
/// </remarks>
internal sealed class MatrixProducts : IDisposable
{
    private readonly List<(Tensor Left, Tensor Right, int Count)> _products = [];

    /// <summary>Lists the products.</summary>
    /// <param name="samples">Samples N.</param>
    /// <param name="tokens">Tokens T.</param>
    /// <param name="layers">Layers.</param>
    /// <param name="width">Width D.</param>
    /// <param name="inner">Width of the feed-forward part.</param>
    /// <param name="heads">Heads H.</param>
    /// <param name="rank">Rank r.</param>
    /// <param name="patch">Numbers of a patch where the tokens are those of a picture; 0 for texts.</param>
    public MatrixProducts(int samples, int tokens, int layers, int width, int inner, int heads, int rank, int patch = 0)
    {
        var (rows, pairs, head, upper) = (samples * tokens, samples * heads, width / heads, layers - 1);

        if (patch > 0)
        {
            Add(1, rows, patch, width, 1); // patches to vectors
        }

        // Query, key, value and output forward; backward the output everywhere, the others above the first layer.
        Add(1, rows, width, width, (4 * layers) + layers + (3 * upper));
        Add(1, rows, width, inner, 2 * layers); // first feed-forward map; backward of the second
        Add(1, rows, inner, width, 2 * layers);
        Add(pairs, tokens, head, tokens, 2 * layers); // scores; gradient of the weights
        Add(pairs, tokens, tokens, head, (3 * layers) + upper); // context; gradients of value, query, and of key above the first layer
        Add(1, rows, width, rank, 4 * layers); // A x; gradient of A x
        Add(1, rows, rank, width, (2 * layers) + (2 * upper)); // B A x; gradient of x
        Add(1, width, rows, rank, 4 * layers); // gradients of A and B
    }

    /// <summary>Computes all products once.</summary>
    public void Run()
    {
        foreach (var (left, right, count) in _products)
        {
            for (var i = 0; i < count; i++)
            {
                using var product = left.bmm(right);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (left, right, _) in _products)
        {
            left.Dispose();
            right.Dispose();
        }
    }

    private void Add(int batch, int rows, int inner, int columns, int count) =>
        _products.Add((ones(batch, rows, inner), ones(batch, inner, columns), count));
}
