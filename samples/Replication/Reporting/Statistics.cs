using System.Globalization;

namespace ReplicationSample;

/// <summary>Means and their texts.</summary>
internal static class Statistics
{
    /// <summary>The median of the finite numbers; NaN where there are none.</summary>
    public static double Median(IEnumerable<double> numbers)
    {
        var sorted = numbers.Where(double.IsFinite).Order().ToArray();
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The mean, with the standard deviation where there are several numbers.</summary>
    public static string MeanText(IReadOnlyCollection<double> numbers, string format)
    {
        var mean = numbers.Average();
        var deviation = numbers.Count < 2 ? 0 : Math.Sqrt(numbers.Sum(number => (number - mean) * (number - mean)) / (numbers.Count - 1));
        return Text(mean, format) + (numbers.Count < 2 ? "" : $" ± {Text(deviation, format)}");
    }

    /// <summary>A number in a table.</summary>
    public static string Text(double number, string format) => double.IsFinite(number) ? number.ToString(format, CultureInfo.InvariantCulture) : "–";
}
