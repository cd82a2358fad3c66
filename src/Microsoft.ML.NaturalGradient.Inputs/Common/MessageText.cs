namespace Microsoft.ML.NaturalGradient;

/// <summary>What messages of all assemblies say in the same way.</summary>
internal static class MessageText
{
    private const int MostListed = 8;

    /// <summary>A shape, such as <c>[2, 3]</c>.</summary>
    public static string Shape(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>The first few of many items, and how many more there are.</summary>
    /// <param name="items">The items.</param>
    /// <param name="separator">What stands between them.</param>
    public static string Few(IReadOnlyCollection<string> items, string separator = ", ")
    {
        var shown = string.Join(separator, items.Take(MostListed));
        return items.Count > MostListed ? $"{shown}{separator}and {items.Count - MostListed} more" : shown;
    }
}
