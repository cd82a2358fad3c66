using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The change of coordinates θ = √f φ by the rate factors f of groups: derivatives by φ are those by θ times √f, and so are directions in θ those in φ.</summary>
internal static class Coordinates
{
    /// <summary>Multiplies with √f.</summary>
    /// <param name="value">A derivative or a direction of the parameter; not modified.</param>
    /// <param name="coordinates">The parameters with their factors; null for f = 1.</param>
    /// <param name="parameter">The parameter.</param>
    /// <returns>The product in the current dispose scope; <paramref name="value"/> itself where f = 1.</returns>
    public static Tensor In(this Tensor value, ParameterSet? coordinates, Tensor parameter) =>
        coordinates?.RateFactor((Parameter)parameter) is { } factor and not 1 ? value.Times(Math.Sqrt(factor)) : value;
}
