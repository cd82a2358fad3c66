using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>How an optimizer trains the parameters: those its own rule does not cover, and what happens to them instead.</summary>
internal sealed class OptimizerCoverage
{
    private OptimizerCoverage(int parameterCount, IReadOnlyList<Exemption> exemptions)
    {
        ParameterCount = parameterCount;
        Exemptions = exemptions;
    }

    /// <summary>Parameters in all.</summary>
    public int ParameterCount { get; }

    /// <summary>The parameters that are trained in another way than the method's own.</summary>
    public IReadOnlyList<Exemption> Exemptions { get; }

    /// <summary>Every parameter is trained by the method's own rule.</summary>
    public static OptimizerCoverage Full(int parameterCount) => new(parameterCount, []);

    /// <summary>Some parameters are trained in another way.</summary>
    /// <param name="parameters">All parameters.</param>
    /// <param name="captured">A capture, which knows their kinds.</param>
    /// <param name="covered">Those that the method's own rule trains.</param>
    /// <param name="treatment">What happens to the others, as in "trains them by ...".</param>
    /// <returns>The coverage.</returns>
    public static OptimizerCoverage Of(
        IReadOnlyList<Parameter> parameters, CapturedGradients captured, IReadOnlySet<Parameter> covered, string treatment)
    {
        var kinds = captured.Records.SelectMany(record => record.Uses).ToLookup(use => use.Parameter, use => use.Kind, SameParameter.Comparer);
        return new(parameters.Count, [.. Enumerable.Range(0, parameters.Count)
            .Where(i => !covered.Contains(parameters[i]))
            .Select(i => new Exemption(i, string.Join(" and ", kinds[parameters[i]].Distinct()), treatment))]);
    }

    /// <summary>Says in one sentence what is trained in another way.</summary>
    /// <param name="method">Name of the method.</param>
    /// <returns>For example "KFAC trains 2 of 26 parameters (embeddings) by scaled gradient."; null when every parameter is covered.</returns>
    public string? Describe(string method)
    {
        var parts = Exemptions.GroupBy(exemption => exemption.Treatment).Select(group => FormattableString.Invariant(
            $"{group.Count()} of {ParameterCount} parameters ({string.Join(", ", group.Select(exemption => exemption.Kind).Distinct())}) by {group.Key}"));
        return Exemptions.Count == 0 ? null : $"{method} trains {string.Join(" and ", parts)}.";
    }

    /// <summary>One parameter that the method's own rule does not cover.</summary>
    /// <param name="Index">Its index among the optimizer's parameters.</param>
    /// <param name="Kind">What parameters like it are called, in the plural.</param>
    /// <param name="Treatment">What happens to it instead, as in "trains it by ...".</param>
    internal sealed record Exemption(int Index, string Kind, string Treatment);
}
