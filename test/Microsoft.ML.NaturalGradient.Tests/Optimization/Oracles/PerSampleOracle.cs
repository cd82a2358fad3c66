using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Per-sample gradients by one ordinary backward pass for each sample.</summary>
internal static class PerSampleOracle
{
    /// <param name="forward">The network's output for sample n alone, [1, ...].</param>
    /// <param name="seeds">Gradient of the loss by the output, [N, ...].</param>
    /// <param name="parameters">By what to differentiate.</param>
    /// <returns>[N, P], columns in the order of <paramref name="parameters"/>.</returns>
    public static Tensor Rows(Func<long, Tensor> forward, Tensor seeds, IReadOnlyList<Tensor> parameters)
    {
        var rows = new List<Tensor>();
        for (var n = 0; n < seeds.shape[0]; n++)
        {
            autograd.backward([forward(n)], [seeds.narrow(0, n, 1)], false, false, [.. parameters]);
            rows.Add(cat([.. parameters.Select(parameter => (parameter.grad ?? zeros_like(parameter)).flatten().clone())]));
            foreach (var parameter in parameters)
            {
                parameter.grad = null;
            }
        }

        return stack(rows);
    }
}
