namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>How many tokens of each text of a pair are kept: the longer text loses its last tokens first.</summary>
internal static class PairTruncation
{
    /// <summary>Chooses the two kept lengths.</summary>
    /// <remarks>
    /// A text of at most half the limit is kept whole and the other gets the rest. When both are longer, each gets half; of an odd
    /// limit the longer text gets the extra token, and the second text when they are equally long. This is what Hugging Face
    /// tokenizers do (strategy <c>longest_first</c>), with texts counted no further than the whole sequence.
    /// </remarks>
    /// <param name="first">Tokens of the first text.</param>
    /// <param name="second">Tokens of the second text.</param>
    /// <param name="limit">Most tokens of both.</param>
    /// <returns>Tokens to keep of each; together at most <paramref name="limit"/>.</returns>
    public static (int First, int Second) Keep(int first, int second, int limit)
    {
        if (first <= limit - second)
        {
            return (first, second);
        }

        var half = limit / 2;
        if (Math.Min(first, second) > half)
        {
            return first > second ? (limit - half, half) : (half, limit - half);
        }

        return first > second ? (limit - second, second) : (first, limit - first);
    }
}
