using System.Reflection;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>Every member of <see cref="Optimizers"/>, and the settings of some that change what a step costs.</summary>
internal static class OptimizerFamily
{
    /// <summary>The members by name, in the order in which they are declared.</summary>
    public static IReadOnlyDictionary<string, OptimizerOptions> Members { get; } =
        typeof(Optimizers).GetProperties(BindingFlags.Public | BindingFlags.Static)
            .ToDictionary(property => property.Name, property => (OptimizerOptions)property.GetValue(null)!);

    /// <summary>The members and their variants.</summary>
    /// <remarks>
    /// AdaFisher and KFAC do more work in some steps than in others (AdaFisher: factors in one step of ten; the KFAC family: inverses in one step of
    /// five, factors in each); variants do it in every step.
    /// </remarks>
    public static IReadOnlyDictionary<string, OptimizerOptions> Variants { get; } = new Dictionary<string, OptimizerOptions>(Members)
    {
        ["HessianFree, 10 iterations"] = Optimizers.HessianFree with { MostIterations = 10, Tolerance = 0 },
        ["AdaFisher, factors every step"] = Optimizers.AdaFisher with { FactorInterval = 1 },
        ["Kfac, inverses every step"] = Optimizers.Kfac with { InverseInterval = 1 },
        ["Iekfac, inverses every step"] = Optimizers.Iekfac with { InverseInterval = 1 },
        ["Ief, length measured every step"] = Optimizers.Ief with { AutomaticStep = new AutomaticStep { Every = 1 } },
    };

    /// <summary>Whether a step of this member or variant takes many passes.</summary>
    /// <param name="name">Its name.</param>
    public static bool IsLong(string name) => Variants[name] is HessianFreeOptions;
}
