namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A window on a text that is too long for one sequence: some of its parts, in a row.</summary>
/// <param name="First">The first part.</param>
/// <param name="End">The one after the last.</param>
internal readonly record struct TokenWindow(int First, int End)
{
    /// <summary>Divides a text into windows, each of which begins in the middle of the one before; the last is as long as the others.</summary>
    /// <param name="tokens">How many tokens each part has.</param>
    /// <param name="capacity">Most tokens of a window, at least 1; a part with more is alone in its window.</param>
    /// <returns>At least one window; all parts are in one, most are in two where there are several.</returns>
    public static IReadOnlyList<TokenWindow> Divide(IReadOnlyList<int> tokens, int capacity)
    {
        var windows = new List<TokenWindow>();
        for (var first = 0; ;)
        {
            var (end, taken) = (first, 0);
            while (end < tokens.Count && (end == first || taken + tokens[end] <= capacity))
            {
                taken += tokens[end++];
            }

            if (end >= tokens.Count)
            {
                windows.Add(new TokenWindow(Earliest(tokens, first, taken, capacity), end));
                return windows;
            }

            windows.Add(new TokenWindow(first, end));
            first = Middle(tokens, first, end, taken, capacity);
        }
    }

    /// <summary>Which window sees most around each part: on the side where it sees less.</summary>
    /// <param name="windows">The windows.</param>
    /// <param name="count">How many parts there are.</param>
    /// <returns>For each part the index of its window.</returns>
    public static int[] Owners(IReadOnlyList<TokenWindow> windows, int count)
    {
        var owners = new int[count];
        var best = new int[count];
        Array.Fill(best, -1);
        for (var window = 0; window < windows.Count; window++)
        {
            var (first, end) = (windows[window].First, windows[window].End);
            for (var part = first; part < end; part++)
            {
                var left = first == 0 ? int.MaxValue : part - first; // nothing is missing at the text's own ends
                var right = end == count ? int.MaxValue : end - 1 - part;
                if (Math.Min(left, right) > best[part])
                {
                    (best[part], owners[part]) = (Math.Min(left, right), window);
                }
            }
        }

        return owners;
    }

    // The last window sees as much before it as there is room for.
    private static int Earliest(IReadOnlyList<int> tokens, int first, int taken, int capacity)
    {
        while (first > 0 && taken + tokens[first - 1] <= capacity)
        {
            taken += tokens[--first];
        }

        return first;
    }

    // The part with which the second half begins, or a later one, so that there is room for the part after this window.
    private static int Middle(IReadOnlyList<int> tokens, int first, int end, int taken, int capacity)
    {
        var (part, left) = (first, taken);
        while (part < end && (part == first || left - tokens[part] >= taken / 2 || left + tokens[end] > capacity))
        {
            left -= tokens[part++];
        }

        return part;
    }
}
