using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The temperature T for which softmax(z / T) has the least mean cross-entropy on rows that were not trained on.</summary>
/// <remarks>
/// Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. The loss is convex in β = 1/T, with the derivative Σ c_n (Σ_k p_nk z_nk − z_ny) / Σ c_n, whose root is
/// found by bisection of ln β. Which class is the most probable does not change.
/// </remarks>
internal static class TemperatureScaling
{
    /// <summary>The lowest temperature, for rows that are all predicted right: the loss would vanish at zero.</summary>
    public const double Lowest = 0.05;

    /// <summary>The highest temperature, for outputs that say nothing.</summary>
    public const double Highest = 20;

    private const int Halvings = 60;

    /// <summary>Finds it.</summary>
    /// <param name="logits">Logits z, [N, C].</param>
    /// <param name="labels">Classes, [N], int64.</param>
    /// <param name="weights">How often each row counts, [N]; null for one each.</param>
    /// <returns>T, from <see cref="Lowest"/> to <see cref="Highest"/>.</returns>
    public static double Fit(Tensor logits, Tensor labels, Tensor? weights)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var typed = logits.to(ScalarType.Float64); // [N, C]
        var right = typed.gather(1, labels.unsqueeze(1)).squeeze(1); // [N]
        var counts = weights?.to(ScalarType.Float64) ?? ones_like(right);
        var (low, high) = (Math.Log(1 / Highest), Math.Log(1 / Lowest));
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = Slope(Math.Exp(middle)) < 0 ? (middle, high) : (low, middle);
        }

        return Math.Exp(-(low + high) / 2);

        double Slope(double beta)
        {
            using var inner = NewDisposeScope();
            var mean = nn.functional.softmax(typed.Times(beta), 1).mul(typed).sum(1); // [N]
            return mean.Minus(right).dot(counts).item<double>();
        }
    }
}
