namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The state of an <see cref="AutomaticStep"/>: counts steps and smooths what is measured.</summary>
internal sealed class StepLength(AutomaticStep settings)
{
    /// <summary>Steps taken so far.</summary>
    public long Steps { get; set; }

    /// <summary>The smoothed η; 0 before the first measurement that succeeded.</summary>
    public double Value { get; set; }

    /// <summary>Counts a step and gives its η.</summary>
    /// <param name="measure">Measures the derivatives along the direction; called every few steps only.</param>
    /// <returns>η, at most the cap; 1 (or the cap, if smaller) as long as no measurement succeeded.</returns>
    public double Next(Func<DirectionalDerivatives> measure)
    {
        if (Steps++ % settings.Every == 0)
        {
            var measured = Math.Min(settings.Cap, settings.Factor * measure().BestStep);
            if (!double.IsNaN(measured))
            {
                Value = Value > 0 ? (settings.Smoothing * Value) + ((1 - settings.Smoothing) * measured) : measured;
            }
        }

        return Value > 0 ? Value : Math.Min(settings.Cap, 1);
    }
}
