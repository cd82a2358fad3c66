using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

/// <summary>How often the training rows of each class count, beside their own weights.</summary>
/// <remarks>Validation rows keep their own weights: what is reported of them, and watched by early stopping, does not depend on this.</remarks>
public sealed class ClassWeights
{
    private readonly IReadOnlyDictionary<string, double>? _weights;

    private ClassWeights(IReadOnlyDictionary<string, double>? weights)
    {
        _weights = weights;
    }

    /// <summary>
    /// All classes count alike, however many rows they have: a row of class c counts n / (C n_c) times, with n rows in all, C classes that have any and n_c rows of
    /// class c, each row as often as its own weight says.
    /// </summary>
    public static ClassWeights Balanced { get; } = new(null);

    /// <summary>Given weights.</summary>
    /// <param name="weights">How often a row of each class counts, greater than zero, by the name of the class; classes that are not named count once.</param>
    /// <exception cref="ArgumentOutOfRangeException">A weight is not a positive number that float32 holds.</exception>
    public static ClassWeights Of(IReadOnlyDictionary<string, double> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        foreach (var (name, weight) in weights)
        {
            SingleRange.Require(SingleRange.IsPositive(weight), nameof(weights), weight, $"The weight of a class is a number greater than zero; that of '{name}' is not.");
        }

        return new ClassWeights(weights.ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal));
    }

    /// <inheritdoc/>
    public override string ToString() => _weights is null
        ? nameof(Balanced)
        : string.Join(", ", _weights.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => FormattableString.Invariant($"'{pair.Key}': {pair.Value:R}")));

    /// <summary>The weight of each class.</summary>
    /// <param name="labels">The classes.</param>
    /// <param name="rows">The labels of the training rows.</param>
    /// <exception cref="InvalidOperationException">A class is weighted that there is not.</exception>
    internal double[] For(ClassLabels labels, IEnumerable<RowLabel> rows)
    {
        if (_weights is not null)
        {
            return _weights.Keys.Except(labels.Names, StringComparer.Ordinal).ToArray() is not [var unknown, ..]
                ? [.. labels.Names.Select(name => _weights.GetValueOrDefault(name, 1))]
                : throw new InvalidOperationException(
                    $"ClassWeights has a weight for '{unknown}', which is no class of the label column. Its classes are {MessageText.Few([.. labels.Names.Select(name => $"'{name}'")])}.");
        }

        var counts = new double[labels.Count];
        foreach (var row in rows)
        {
            counts[(int)row.Value] += row.Weight;
        }

        var (total, seen) = (counts.Sum(), counts.Count(count => count > 0));
        return Array.ConvertAll(counts, count => count > 0 ? total / (seen * count) : 1);
    }
}
