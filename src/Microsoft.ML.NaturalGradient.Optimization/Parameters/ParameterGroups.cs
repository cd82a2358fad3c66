using System.Collections;
using System.Runtime.CompilerServices;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Groups of parameters, in an order; equal when the groups are. Written as <c>[group, ...]</c>.</summary>
[CollectionBuilder(typeof(ParameterGroups), nameof(Create))]
public sealed class ParameterGroups : IReadOnlyList<ParameterGroup>, IEquatable<ParameterGroups>
{
    private readonly ParameterGroup[] _groups;

    private ParameterGroups(ParameterGroup[] groups)
    {
        _groups = groups;
    }

    /// <inheritdoc/>
    public int Count => _groups.Length;

    /// <inheritdoc/>
    public ParameterGroup this[int index] => _groups[index];

    /// <summary>Makes the list; called for a collection expression.</summary>
    /// <param name="groups">The groups.</param>
    /// <returns>The list.</returns>
    public static ParameterGroups Create(ReadOnlySpan<ParameterGroup> groups) => new(groups.ToArray());

    /// <inheritdoc/>
    public IEnumerator<ParameterGroup> GetEnumerator() => _groups.AsEnumerable().GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(ParameterGroups? other) => other is not null && _groups.SequenceEqual(other._groups);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ParameterGroups);

    /// <inheritdoc/>
    public override int GetHashCode() => _groups.Aggregate(0, HashCode.Combine);

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join<ParameterGroup>(", ", _groups)}]";
}
