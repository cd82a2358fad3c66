using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Uses the optimizers without ML.NET.</summary>
public static class OptimizerOptionsExtensions
{
    /// <summary>Creates an optimizer for any TorchSharp network that classifies by softmax cross-entropy.</summary>
    /// <remarks>
    /// Layers of the types Linear, Conv2d, Embedding and LayerNorm get a forward hook, by which methods on per-sample gradients cost one backward
    /// pass rather than one for each sample; see <see cref="ParameterOptimizer"/>. The hooks go when the optimizer is disposed. Inside the
    /// network layers must be used by <c>call</c>, as <c>Sequential</c> does: TorchSharp runs no hooks for <c>forward</c>.
    /// </remarks>
    /// <param name="options">The optimizer and its settings.</param>
    /// <param name="network">The network; all its parameters that require gradients are trained. It stays the caller's.</param>
    /// <param name="classCount">Classes C, at least 2: the width of the logits.</param>
    /// <param name="seed">Seed of the optimizer's own randomness.</param>
    /// <returns>The optimizer; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The network has no parameters to train, or one cannot be trained.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    public static ParameterOptimizer CreateFor(this OptimizerOptions options, nn.Module network, int classCount, long seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 2);
        return new ParameterOptimizer(options, network, new BatchCheck(classCount), seed);
    }

    /// <summary>Creates an optimizer for any TorchSharp network that predicts one number, by half the squared error.</summary>
    /// <inheritdoc cref="CreateFor(OptimizerOptions, nn.Module, int, long)"/>
    public static ParameterOptimizer CreateForRegression(this OptimizerOptions options, nn.Module network, long seed = 0) => new(options, network, new BatchCheck(null), seed);

    /// <summary>Creates an optimizer for parameters of any TorchSharp network that classifies by softmax cross-entropy, without hooks in its layers.</summary>
    /// <param name="options">The optimizer and its settings.</param>
    /// <param name="parameters">The parameters to train, such as <c>module.parameters()</c>; each must require gradients. They stay the caller's.</param>
    /// <param name="classCount">Classes C, at least 2: the width of the logits.</param>
    /// <param name="seed">Seed of the optimizer's own randomness.</param>
    /// <returns>The optimizer; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">There are no parameters, or one cannot be trained.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    public static ParameterOptimizer CreateFor(this OptimizerOptions options, IEnumerable<Parameter> parameters, int classCount, long seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classCount, 2);
        return new ParameterOptimizer(options, parameters, new BatchCheck(classCount), seed);
    }

    /// <summary>Creates an optimizer for parameters of any TorchSharp network that predicts one number, by half the squared error, without hooks in its layers.</summary>
    /// <inheritdoc cref="CreateFor(OptimizerOptions, IEnumerable{Parameter}, int, long)"/>
    public static ParameterOptimizer CreateForRegression(this OptimizerOptions options, IEnumerable<Parameter> parameters, long seed = 0) =>
        new(options, parameters, new BatchCheck(null), seed);
}
