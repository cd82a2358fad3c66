namespace Microsoft.ML.NaturalGradient;

/// <summary>Items set aside at random.</summary>
internal static class Holdout
{
    /// <summary>Draws a share of the items, such that at least one is drawn and one is left.</summary>
    /// <param name="items">At least two items; shuffled.</param>
    /// <param name="fraction">The share.</param>
    /// <param name="random">Source of the draw.</param>
    public static HashSet<T> Draw<T>(T[] items, double fraction, Random random)
    {
        random.Shuffle(items);
        return [.. items.Take(Math.Clamp((int)Math.Round(fraction * items.Length), 1, items.Length - 1))];
    }
}
