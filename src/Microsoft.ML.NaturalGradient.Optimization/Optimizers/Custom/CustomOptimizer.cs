using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Runs an <see cref="UpdateRule"/> written outside the library: θ ← θ − η·d with the rule's d.</summary>
internal sealed class CustomOptimizer : Optimizer, IUpdateDirection
{
    private readonly CustomOptimizerOptions _options;
    private readonly UpdateRule _rule;
    private readonly long _seed;

    /// <summary>Creates the rule from its options.</summary>
    public CustomOptimizer(IReadOnlyList<Parameter> parameters, CustomOptimizerOptions options, long seed)
        : this(parameters, options, options.CreateCheckedRule(parameters, seed), seed)
    {
    }

    private CustomOptimizer(IReadOnlyList<Parameter> parameters, CustomOptimizerOptions options, UpdateRule rule, long seed)
        : base(parameters, rule.State)
    {
        _options = options;
        _rule = rule;
        _seed = seed;
    }

    /// <inheritdoc/>
    public override bool NeedsPerSampleGradients => _rule.NeedsSampleGradients;

    /// <inheritdoc/>
    /// <remarks>A new rule computes it, so that this one's state takes no part. Zero where the rule does not move.</remarks>
    public Dictionary<IntPtr, Tensor> Direction(BatchEvaluation batch)
    {
        using var scope = NewDisposeScope();
        using var fresh = _options.CreateCheckedRule(Parameters, _seed);
        batch.Trained = Parameters;
        var direction = Compute(fresh, batch);
        return Parameters.Index().ToDictionary(
            pair => pair.Item.Handle,
            pair => (direction.Count > 0 ? direction[pair.Index].detach().clone() : zeros_like(pair.Item).detach()).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _rule.Dispose();
    }

    // Only the rule knows.
    private protected override bool IsMadeInFirstStep(string name) => true;

    private protected override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        var direction = Compute(_rule, batch);
        using var noGrad = no_grad();
        for (var i = 0; i < direction.Count; i++)
        {
            Parameters[i].AddInPlace(direction[i], -learningRate);
        }

        return StepDiagnostics.None;
    }

    // The graph is kept, so that a rule may ask for gradients in any order and number.
    private IReadOnlyList<Tensor> Compute(UpdateRule rule, BatchEvaluation batch)
    {
        using var noGrad = no_grad();
        var keepsGraph = batch.KeepsGraph;
        batch.KeepsGraph = true;
        var step = new StepContext(batch, Parameters, rule.NeedsSampleGradients, CheckCoverage);
        try
        {
            var direction = rule.Compute(step);
            if (direction is null || direction.Count > 0)
            {
                TensorCheck.LikeParameters(direction!, Parameters, $"{_options.MethodName}.Direction");
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
