using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings of <see cref="FisherPruning"/> and <see cref="NetworkPruner"/>.</summary>
public sealed record PruningOptions
{
    /// <summary>Which Fisher matrix is used.</summary>
    /// <value>The default is <see cref="PruningFisher.Ief"/>.</value>
    public PruningFisher Fisher { get; init; }

    /// <summary>Weights in one diagonal block of the Fisher matrix; memory is this times the number of weights, in float64.</summary>
    /// <value>At least 1. The default is 50.</value>
    public int BlockSize { get; init; } = 50;

    /// <summary>Damping λ of the Fisher matrix, relative to its mean diagonal.</summary>
    /// <value>Greater than zero. The default is 0.01.</value>
    public double Damping { get; init; } = 1e-2;

    /// <summary>Whether the weights that stay are changed to make up for those removed.</summary>
    /// <value>The default is <see langword="true"/>.</value>
    public bool Compensate { get; init; } = true;

    /// <summary>Creates a pruner for a TorchSharp network that classifies by softmax cross-entropy.</summary>
    /// <param name="network">The network; layers inside must be used by <c>call</c>. It stays the caller's.</param>
    /// <param name="classCount">Classes C, at least 2: the width of the logits.</param>
    /// <returns>The pruner; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The network has nothing to prune.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    public NetworkPruner CreateFor(nn.Module network, int classCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 2);
        return new NetworkPruner(network, new BatchCheck(classCount), this);
    }

    /// <summary>Creates a pruner for a TorchSharp network that predicts one number, by half the squared error.</summary>
    /// <inheritdoc cref="CreateFor"/>
    public NetworkPruner CreateForRegression(nn.Module network) => new(network, new BatchCheck(null), this);

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockSize, 1);
        SingleRange.Require(SingleRange.IsPositive(Damping), nameof(Damping), Damping, "Use a positive number, for example 0.01.");
        SettingCheck.Require(Enum.IsDefined(Fisher), nameof(Fisher), Fisher, "Use a member of PruningFisher.");
    }
}
