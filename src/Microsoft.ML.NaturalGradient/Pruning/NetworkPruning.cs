using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Pruning;

/// <summary>Prunes the weights of a network whose layers record on the gradient tape.</summary>
internal static class NetworkPruning
{
    /// <summary>Prunes weights in place, ranking those of all parameters together.</summary>
    /// <param name="parameters">What is pruned: usually weight matrices, not biases.</param>
    /// <param name="batches">Runs recorded forward passes over the samples; enumerated twice, each batch is disposed after use.</param>
    /// <param name="sparsity">Fraction of the weights that is removed, from 0 up to, but not including, 1.</param>
    /// <param name="options">Settings.</param>
    /// <exception cref="InvalidOperationException">There is no batch, or a parameter left no record.</exception>
    public static void Prune(IReadOnlyList<Parameter> parameters, Func<IEnumerable<BatchEvaluation>> batches, double sparsity, PruningOptions options)
    {
        options.Validate();
        FisherPruning.CheckSparsity(sparsity);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        WithFisher(parameters, batches, options, parts => FisherPruning.PruneTogether(parts, sparsity, options));
    }

    /// <summary>Measures a network at several sparsities, each pruned from the weights as they are now, which are put back afterwards.</summary>
    /// <remarks>The Fisher matrix is estimated once for all sparsities.</remarks>
    /// <param name="parameters">What is pruned.</param>
    /// <param name="batches">As in <see cref="Prune"/>.</param>
    /// <param name="sparsities">Fractions of the weights that are removed.</param>
    /// <param name="options">Settings.</param>
    /// <param name="measure">Measures the network, for example its accuracy.</param>
    /// <returns>What was measured at each sparsity.</returns>
    public static IReadOnlyList<double> Curve(
        IReadOnlyList<Parameter> parameters, Func<IEnumerable<BatchEvaluation>> batches, IEnumerable<double> sparsities, PruningOptions options, Func<double> measure)
    {
        options.Validate();
        var all = sparsities.ToList();
        all.ForEach(FisherPruning.CheckSparsity);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weights = parameters.Select(parameter => parameter.detach().clone()).ToList();
        var measured = new List<double>();
        WithFisher(parameters, batches, options, parts =>
        {
            foreach (var sparsity in all)
            {
                try
                {
                    FisherPruning.PruneTogether(parts, sparsity, options);
                    using var grad = enable_grad();
                    measured.Add(measure());
                }
                finally
                {
                    for (var i = 0; i < weights.Count; i++)
                    {
                        parameters[i].copy_(weights[i]);
                    }
                }
            }
        });

        return measured;
    }

    private static void WithFisher(
        IReadOnlyList<Parameter> parameters, Func<IEnumerable<BatchEvaluation>> batches, PruningOptions options, Action<IReadOnlyList<PruningPart>> use)
    {
        var (samples, squares) = (0L, 0.0);
        ForEachBatch(parameters, batches, options.Fisher, rows =>
        {
            samples += rows[0].shape[0];
            squares += rows.Sum(row => row.square().sum().item<double>());
        });
        if (samples == 0)
        {
            throw new InvalidOperationException("There are no samples to estimate the Fisher matrix from. Give at least one batch.");
        }

        var diagonal = squares / samples / parameters.Sum(parameter => parameter.numel());
        var damping = diagonal > 0 ? options.Damping * diagonal : 1;
        var parts = parameters.Select(parameter => new PruningPart(parameter, samples, options.BlockSize, damping)).ToList();
        try
        {
            ForEachBatch(parameters, batches, options.Fisher, rows =>
            {
                for (var i = 0; i < rows.Count; i++)
                {
                    parts[i].Add(rows[i]);
                }
            });
            use(parts);
        }
        finally
        {
            parts.ForEach(part => part.Dispose());
        }
    }

    private static void ForEachBatch(
        IReadOnlyList<Parameter> parameters, Func<IEnumerable<BatchEvaluation>> batches, PruningFisher fisher, Action<IReadOnlyList<Tensor>> use)
    {
        using var grad = enable_grad();
        foreach (var batch in batches())
        {
            using (batch)
            using (NewDisposeScope())
            {
                using var captured = batch.Capture(batch.LogitGradients);
                var recorded = captured.Parameters.Select(parameter => parameter.Handle).ToHashSet();
                if (parameters.FirstOrDefault(parameter => !recorded.Contains(parameter.Handle)) is { } missing)
                {
                    throw new InvalidOperationException(
                        $"A weight of shape [{string.Join(", ", missing.shape)}] left no record of per-sample gradients. Leave it out, or make it trainable before pruning.");
                }

                use([.. parameters.Select(parameter =>
                    FisherPruning.Scaled(captured.RowsOf(parameter).to(ScalarType.Float64), batch.SquaredNorms, fisher))]);
            }
        }
    }
}
