using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Base of the mathematics of an optimizer of your own: one direction d for each batch, with θ ← θ − η·d done by the library.</summary>
/// <remarks>What it tracks after its first step is an error where a restored state has more, or had less.</remarks>
public abstract class UpdateRule : Optimizer, IUpdateDirection
{
    /// <summary>Creates a rule.</summary>
    /// <param name="parameters">The parameters θ that <see cref="CustomOptimizerOptions.CreateRule"/> is given.</param>
    /// <exception cref="ArgumentException">There are none.</exception>
    protected UpdateRule(IReadOnlyList<Parameter> parameters)
        : base(parameters)
    {
    }

    /// <summary>Whether the rule asks for <see cref="StepContext.SampleGradients()"/>, for which the forward pass is recorded.</summary>
    /// <value>The default is <see langword="false"/>. Read before every step.</value>
    public virtual bool NeedsSampleGradients => false;

    /// <summary>Name of the method, and how to make another rule of it; set where the rule is made.</summary>
    internal (string Name, Func<UpdateRule> Create) Method { get; set; }

    internal sealed override bool NeedsPerSampleGradients => NeedsSampleGradients;

    /// <summary>Computes the direction d of θ ← θ − η·d for one batch, and moves on what is tracked.</summary>
    /// <remarks>
    /// Runs without autograd inside a dispose scope, which disposes every tensor that is made here and not tracked. When the quality of the
    /// method is measured, a new rule computes the direction, so that of its first step.
    /// </remarks>
    /// <param name="batch">The evaluated batch, and what can be computed from it; not to be used after the call.</param>
    /// <returns>
    /// One floating-point tensor shaped like each parameter, in their order; not modified, so it may be what is tracked. An empty list
    /// moves nothing in this step.
    /// </returns>
    protected abstract IReadOnlyList<Tensor> Direction(StepContext batch);

    // A new rule computes it, so that this one's state takes no part. Zero where the rule does not move.
    ParameterVector IUpdateDirection.Direction(BatchEvaluation batch)
    {
        using var scope = NewDisposeScope();
        using var fresh = Method.Create();
        batch.Trained = Set;
        var direction = fresh.Compute(batch);
        return new ParameterVector(Set, Set.Select((parameter, i) =>
            direction.Count > 0 ? direction[i].detach().Times(Set.RateFactor(i)) : zeros_like(parameter).detach())).MoveToOuterDisposeScope();
    }

    // Only the rule knows.
    private protected sealed override bool IsMadeInFirstStep(string name) => true;

    private protected sealed override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        var direction = Compute(batch);
        using var noGrad = no_grad();
        for (var i = 0; i < direction.Count; i++)
        {
            Set[i].AddInPlace(direction[i], -learningRate * Set.RateFactor(i));
        }

        return StepDiagnostics.None;
    }

    // The graph is kept, so that a rule may ask for gradients in any order and number.
    private IReadOnlyList<Tensor> Compute(BatchEvaluation batch)
    {
        using var noGrad = no_grad();
        var keepsGraph = batch.KeepsGraph;
        batch.KeepsGraph = true;
        var step = new StepContext(batch, Set, NeedsSampleGradients, CheckCoverage);
        try
        {
            var direction = Direction(step);
            if (direction is null || direction.Count > 0)
            {
                TensorCheck.LikeParameters(direction!, Set, $"{Method.Name}.Direction");
            }

            return direction!;
        }
        finally
        {
            step.End();
            batch.KeepsGraph = keepsGraph;
        }
    }
}
