using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Pruning;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Prunes the weights of a trained TorchSharp network as <see cref="FisherPruning"/> says, from batches of samples.</summary>
/// <remarks>
/// Made by <c>CreateFor</c> or <c>CreateForRegression</c> of <see cref="PruningOptions"/>. <see cref="Add"/> batches first, a few hundred samples are enough
/// for blocks of 50, then <see cref="Prune"/> as often as wanted. What is pruned are the weights of more than one dimension that require gradients, ranked
/// together; biases, scales and frozen weights stay. Between the first batch and the last call the caller leaves the weights alone. Not safe for several threads.
/// </remarks>
public sealed class NetworkPruner : IDisposable
{
    private readonly PruningOptions _options;
    private readonly ParameterSet _weights;
    private readonly PruningPart[] _parts;
    private readonly CheckedPasses _passes;
    private Tensor[]? _originals; // of the weights, from the first pruning on
    private bool _disposed;

    internal NetworkPruner(nn.Module network, BatchCheck check, PruningOptions options)
    {
        ArgumentNullException.ThrowIfNull(network);
        options.Validate();
        _options = options;
        var named = ParameterCheck.Trainable(network).Where(pair => pair.Value.dim() > 1).ToList();
        if (named.Count == 0)
        {
            throw new ArgumentException(
                "There is nothing to prune: no parameter of the network has more than one dimension and requires gradients. Set requires_grad where it is off.",
                nameof(network));
        }

        _weights = ParameterCheck.Distinct(named);
        _parts = [.. _weights.Select(weight => new PruningPart(weight, options.BlockSize))];
        _passes = new CheckedPasses(_weights, check, network);
    }

    /// <summary>Samples N of the batches that were added.</summary>
    public long SampleCount => _parts[0].Fisher.SampleCount;

    /// <summary>Whether the gradients of the last batch came from one backward pass through layers that record, rather than one for each sample.</summary>
    /// <remarks>The conditions are those of <c>ParameterOptimizer</c>.</remarks>
    /// <value><see langword="null"/> before the first batch.</value>
    public bool? UsesRecordedLayers => _passes.UsesRecordedLayers;

    /// <summary>Adds a batch of n samples to the Fisher matrix; the network, and gradients that its parameters hold, stay as they are.</summary>
    /// <remarks>Costs a forward and a backward pass and O(n·P·B) for P weights in blocks of B. Dropout should be off.</remarks>
    /// <param name="forward">As in <c>ParameterOptimizer.Step</c>.</param>
    /// <param name="labels">As in <c>ParameterOptimizer.Step</c>.</param>
    /// <exception cref="ArgumentException">Logits or labels have the wrong shape, type or values.</exception>
    /// <exception cref="InvalidOperationException">
    /// The loss is not finite, a weight has been frozen or replaced, or does not take part in the logits, or <see cref="Prune"/> has been called.
    /// </exception>
    public void Add(Func<Tensor> forward, Tensor labels)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(labels);
        if (_originals is not null)
        {
            throw new InvalidOperationException($"Add all batches before the first call of {nameof(Prune)}, or make a new pruner.");
        }

        using var scope = NewDisposeScope();
        using var gradients = new GradientsSetAside(_weights);
        using var batch = _passes.Run(forward, labels, perSampleGradients: true, "Look for inputs or weights that are not finite.");
        using var captured = batch.Capture(batch.LogitGradients);
        foreach (var (weight, part) in _weights.Zip(_parts))
        {
            using var layerScope = NewDisposeScope();
            part.Fisher.Add(FisherPruning.Scaled(captured.RowsOf(weight), batch.SquaredNorms, _options.Fisher));
        }
    }

    /// <summary>Prunes the network in place, from the weights that it had before the first call.</summary>
    /// <param name="sparsity">Fraction of the weights that is removed, from 0 up to, but not including, 1; no tensor of weights loses its last one.</param>
    /// <returns>Which weights stay, by the name of the parameter: shaped like it, Boolean; owned by the caller. Multiply by it to keep them removed in later training.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The sparsity is out of range.</exception>
    /// <exception cref="InvalidOperationException">No batch was added, or a gradient is not finite; nothing is changed then.</exception>
    public IReadOnlyDictionary<string, Tensor> Prune(double sparsity)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        FisherPruning.CheckSparsity(sparsity);
        if (SampleCount == 0)
        {
            throw new InvalidOperationException($"There are no samples to estimate the Fisher matrix from. Call {nameof(Add)} with at least one batch.");
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (_originals is null)
        {
            PruningPart.Invert(_parts, _options.Damping);
            _originals = [.. _weights.Select(weight => weight.detach().clone().DetachFromDisposeScope())];
        }

        Restore();
        var masks = PruningPart.Prune(_parts, sparsity, _options.Compensate);
        return _weights.Select(_weights.NameOf).Zip(masks).ToDictionary(pair => pair.First, pair => pair.Second.MoveToOuterDisposeScope());
    }

    /// <summary>Puts back the weights that the network had before <see cref="Prune"/>.</summary>
    public void Restore()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var noGrad = no_grad();
        foreach (var (weight, original) in _weights.Zip(_originals ?? []))
        {
            weight.copy_(original);
        }
    }

    /// <summary>Frees the Fisher matrix and takes the hooks off the network's layers; the weights stay as they are.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _passes.Dispose();
            Array.ForEach(_parts, part => part.Dispose());
            Array.ForEach(_originals ?? [], original => original.Dispose());
        }
    }
}
