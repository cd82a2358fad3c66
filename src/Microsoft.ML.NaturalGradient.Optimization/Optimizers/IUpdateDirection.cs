namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>An optimizer whose update direction can be computed without taking the step, so that its quality can be measured.</summary>
internal interface IUpdateDirection
{
    /// <summary>Computes the direction d of θ ← θ − η·d that this batch alone gives.</summary>
    /// <remarks>
    /// What outlives a step (momentum, running averages, counters, generators' positions) is neither used nor changed, and the parameters do
    /// not move. The batch's graph is used up unless <see cref="BatchEvaluation.KeepsGraph"/> is set.
    /// </remarks>
    /// <param name="batch">The evaluated batch, recorded for per-sample gradients where the method needs them.</param>
    /// <returns>One tensor shaped like each parameter, by parameter; before any scaling to unit length; owned by the caller.</returns>
    ParameterVector Direction(BatchEvaluation batch);
}
