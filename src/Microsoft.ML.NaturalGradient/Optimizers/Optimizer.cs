using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Moves parameters by θ ← θ − η·d, with d computed from one evaluated batch.</summary>
internal abstract class Optimizer : IDisposable
{
    private protected Optimizer(IReadOnlyList<Parameter> parameters)
    {
        if (parameters.Count == 0)
        {
            throw new ArgumentException("There is nothing to train: the list of parameters is empty.", nameof(parameters));
        }

        Parameters = parameters;
    }

    /// <summary>The parameters that are trained; owned by their modules.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Whether the forward pass must be recorded for per-sample gradients.</summary>
    public abstract bool NeedsPerSampleGradients { get; }

    /// <summary>Fraction of the weights removed each step, independent of the learning rate.</summary>
    public double WeightDecayPerStep { get; init; }

    /// <summary>Takes one step.</summary>
    /// <param name="batch">The evaluated batch; its graph is used up.</param>
    /// <param name="learningRate">Learning rate η of this step.</param>
    /// <returns>What the step noticed.</returns>
    public StepDiagnostics Step(BatchEvaluation batch, double learningRate)
    {
        using var scope = NewDisposeScope();
        var diagnostics = Apply(batch, learningRate);
        if (WeightDecayPerStep > 0)
        {
            using var noGrad = no_grad();
            foreach (var parameter in Parameters)
            {
                parameter.ScaleInPlace(1 - WeightDecayPerStep);
            }
        }

        return diagnostics;
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
    }

    /// <summary>Computes the direction and moves the parameters; runs inside a dispose scope.</summary>
    private protected abstract StepDiagnostics Apply(BatchEvaluation batch, double learningRate);
}
