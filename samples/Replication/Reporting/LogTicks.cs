using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace ReplicationSample;

/// <summary>Labels of an axis that shows decimal logarithms: round numbers of what is shown.</summary>
internal static class LogTicks
{
    private const double FewDecades = 0.7;
    private const double SomeDecades = 2.5;
    private const int Steps = 5;

    /// <summary>Ticks for a range of numbers.</summary>
    /// <param name="numbers">The numbers shown; those that have no logarithm are passed over.</param>
    public static ITickGenerator Create(IEnumerable<double> numbers)
    {
        var shown = numbers.Where(number => number > 0 && double.IsFinite(number)).DefaultIfEmpty(1).ToArray();
        var (low, high) = (shown.Min(), shown.Max());
        var ticks = new NumericManual();
        foreach (var value in Math.Log10(high / low) < FewDecades ? Even(low, high) : Decades(low, high))
        {
            ticks.AddMajor(Math.Log10(value), Label(value));
        }

        return ticks;
    }

    private static IEnumerable<double> Even(double low, double high)
    {
        var rough = Math.Max(high - low, 1e-3 * high) / Steps;
        var magnitude = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double[] factors = [1, 2, 5, 10];
        var step = magnitude * factors.First(factor => factor * magnitude >= rough);
        for (var place = Math.Max(1, Math.Floor(low / step)); place <= Math.Ceiling(high / step); place++)
        {
            yield return place * step;
        }
    }

    private static IEnumerable<double> Decades(double low, double high)
    {
        double[] factors = Math.Log10(high / low) < SomeDecades ? [1, 2, 5] : [1];
        for (var exponent = (int)Math.Floor(Math.Log10(low)); exponent <= Math.Ceiling(Math.Log10(high)); exponent++)
        {
            foreach (var factor in factors)
            {
                yield return factor * Math.Pow(10, exponent);
            }
        }
    }

    private static string Label(double value) => value is >= 1e-3 and < 1e4
        ? value.ToString("0.####", CultureInfo.InvariantCulture)
        : value.ToString("0.#E+0", CultureInfo.InvariantCulture);
}
