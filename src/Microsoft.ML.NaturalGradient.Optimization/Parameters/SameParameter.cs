using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Tells parameters apart by which they are; TorchSharp's own equality compares their values.</summary>
internal sealed class SameParameter : IEqualityComparer<Parameter>
{
    private SameParameter()
    {
    }

    /// <summary>The only instance.</summary>
    public static SameParameter Comparer { get; } = new();

    /// <inheritdoc/>
    public bool Equals(Parameter? x, Parameter? y) => ReferenceEquals(x, y);

    /// <inheritdoc/>
    public int GetHashCode([DisallowNull] Parameter obj) => RuntimeHelpers.GetHashCode(obj);
}
