using System.Reflection;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>The members of <see cref="Optimizers"/> as rows of tests: name, options.</summary>
internal static class EveryOptimizer
{
    public static IEnumerable<object[]> All => typeof(Optimizers).GetProperties(BindingFlags.Public | BindingFlags.Static)
        .Select(property => new[] { property.Name, property.GetValue(null)! });

    public static IEnumerable<object[]> OfTheMeanGradient => All.Where(row => row[1] is MeanGradientOptions);

    /// <summary>Those that do the same for layers which record nothing.</summary>
    public static IEnumerable<object[]> OfAnyNetwork => All.Where(row => row[1] is MeanGradientOptions or NaturalGradientOptions);
}
