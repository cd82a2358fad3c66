using System.Collections;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The parameters that an optimizer trains, in a fixed order, each with its name and how its group is trained.</summary>
internal sealed class ParameterSet : IReadOnlyList<Parameter>
{
    private readonly IReadOnlyList<NamedParameter> _named;
    private readonly Dictionary<Parameter, int> _index = new(SameParameter.Comparer);
    private readonly ParameterGroup?[] _groups;
    private readonly NoDecay _noDecay = NoDecay.Nothing;

    /// <summary>Takes parameters that are all trained alike.</summary>
    /// <param name="named">The parameters, each once, with names that differ.</param>
    public ParameterSet(IReadOnlyList<NamedParameter> named)
        : this(named, new ParameterGroup?[named.Count])
    {
    }

    private ParameterSet(IReadOnlyList<NamedParameter> named, ParameterGroup?[] groups)
    {
        if (named.Count == 0)
        {
            throw new ArgumentException("There is nothing to train: the list of parameters is empty.", nameof(named));
        }

        (_named, _groups) = (named, groups);
        for (var i = 0; i < named.Count; i++)
        {
            _index.Add(named[i].Value, i);
        }
    }

    private ParameterSet(ParameterSet parameters, ParameterGroup?[] groups, NoDecay noDecay)
        : this(parameters._named, groups)
    {
        _noDecay = noDecay;
        HasRates = groups.Any(group => group is { RateFactor: not 1 });
    }

    /// <inheritdoc/>
    public int Count => _named.Count;

    /// <summary>Whether some parameters have a learning rate of their own.</summary>
    public bool HasRates { get; }

    /// <inheritdoc/>
    public Parameter this[int index] => _named[index].Value;

    /// <summary>Takes a list, whose parameters are called by their number where it has no names.</summary>
    public static ParameterSet Of(IReadOnlyList<Parameter> parameters) => parameters as ParameterSet
        ?? new ParameterSet([.. ParameterCheck.Numbered(parameters)]);

    /// <summary>Divides the parameters into groups.</summary>
    /// <param name="groups">The groups; a parameter belongs to the first one whose pattern its name matches.</param>
    /// <param name="noDecay">What weight decay leaves alone where the group does not say.</param>
    /// <returns>The same parameters with their groups.</returns>
    /// <exception cref="ArgumentException">A pattern matches no parameter that is left.</exception>
    public ParameterSet Divide(IReadOnlyList<ParameterGroup> groups, NoDecay noDecay)
    {
        var found = _named.Select(named => groups.FirstOrDefault(group => group.Matches(named.Name))).ToArray();
        return groups.FirstOrDefault(group => !found.Contains(group)) is { } empty
            ? throw new ArgumentException(
                $"{nameof(ParameterGroup)}: no parameter is left for the pattern '{empty.Pattern}'. The {Count} trained parameters have names such as "
                + $"'{_named[0].Name}' and '{_named[^1].Name}'.")
            : new ParameterSet(this, found, noDecay);
    }

    /// <summary>Name of a parameter: that in a checkpoint or network, or its number.</summary>
    public string NameOf(Parameter parameter) => _named[_index[parameter]].Name;

    /// <summary>Whether a parameter is one of these.</summary>
    public bool Contains(Parameter parameter) => _index.ContainsKey(parameter);

    /// <summary>What the learning rate is multiplied with for a parameter.</summary>
    public double RateFactor(int index) => _groups[index]?.RateFactor ?? 1;

    /// <summary>What the learning rate is multiplied with for a parameter; 1 for one that is not trained.</summary>
    public double RateFactor(Parameter parameter) => _index.TryGetValue(parameter, out var index) ? RateFactor(index) : 1;

    /// <summary>What weight decay is multiplied with for a parameter.</summary>
    public double DecayFactor(int index) =>
        _groups[index]?.DecayFactor ?? (_noDecay == NoDecay.BiasesAndNorms && this[index].dim() < 2 ? 0 : 1);

    /// <inheritdoc/>
    public IEnumerator<Parameter> GetEnumerator() => _named.Select(named => named.Value).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
