using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Base of the methods that solve a damped natural-gradient system on each batch and then move along its solution.</summary>
internal abstract class NaturalGradientOptimizer : Optimizer, IUpdateDirection
{
    private const double NormFloor = 1e-12;

    private readonly bool _normalize;
    private readonly StepLength? _stepLength;

    private protected NaturalGradientOptimizer(IReadOnlyList<Parameter> parameters, NaturalGradientOptions options)
        : base(parameters)
    {
        // A measured step fits the direction whatever its length.
        _normalize = options.NormalizeUpdate && options.AutomaticStep is null;
        if (options.AutomaticStep is { } automatic)
        {
            var length = new StepLength(automatic);
            Track("automatic.steps", () => length.Steps, value => length.Steps = (long)value);
            Track("automatic.value", () => length.Value, value => length.Value = value);
            _stepLength = length;
        }
    }

    /// <inheritdoc/>
    public ParameterVector Direction(BatchEvaluation batch)
    {
        using var scope = NewDisposeScope();
        batch.Trained = Set;
        return InCoordinates(batch, () => InParameters(Compute(batch, null).Direction)).MoveToOuterDisposeScope();
    }

    /// <summary>The largest learning rate at which the method is stable; infinite where none is known.</summary>
    private protected virtual double LargestLearningRate => double.PositiveInfinity;

    /// <summary>Computes the direction d of a batch; runs inside a dispose scope.</summary>
    /// <param name="batch">The evaluated batch.</param>
    /// <param name="learningRate">Learning rate of the step; null where only the direction is wanted, and what outlives a step is neither used nor moved on.</param>
    private protected abstract (ParameterVector Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch, double? learningRate);

    private protected override StepDiagnostics Apply(BatchEvaluation batch, double learningRate) => InCoordinates(batch, () =>
    {
        var (direction, diagnostics) = Compute(batch, learningRate * (_stepLength?.Value is > 0 and var measured ? measured : 1));
        if (_stepLength is not null)
        {
            learningRate *= _stepLength.Next(() => new FisherProducts(batch, Parameters).Along(direction));
        }

        var rate = _normalize ? learningRate : Math.Min(learningRate, LargestLearningRate);
        Move(InParameters(direction), rate);
        return diagnostics with { LearningRate = rate };
    });

    private T InCoordinates<T>(BatchEvaluation batch, Func<T> compute)
    {
        batch.Coordinates = Set.HasRates ? Set : null;
        try
        {
            return compute();
        }
        finally
        {
            batch.Coordinates = null;
        }
    }

    // From the coordinates φ with θ = √f φ, in which the system is solved.
    private ParameterVector InParameters(ParameterVector direction) =>
        Set.HasRates ? direction.Map((parameter, part) => part.In(Set, parameter)) : direction;

    // θ ← θ − η·d, with d scaled to unit norm when the options ask for it.
    private void Move(ParameterVector direction, double learningRate)
    {
        using var noGrad = no_grad();
        var step = _normalize ? learningRate / (Parameters.Select(parameter => direction[parameter]).Norm() + NormFloor) : learningRate;
        foreach (var parameter in Parameters)
        {
            parameter.AddInPlace(direction[parameter], -step);
        }
    }
}
