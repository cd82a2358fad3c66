namespace TextTasksSample;

/// <summary>How often words of each type are taken for words of each type; "none" is the type of words outside of names.</summary>
/// <param name="Types">The types, in ordinal order, and "none" at the end.</param>
/// <param name="Counts">Words by their type (row) and the predicted one (column).</param>
internal sealed record TypeConfusion(IReadOnlyList<string> Types, int[,] Counts)
{
    private const string None = "none";

    /// <summary>Counts the words of texts.</summary>
    /// <param name="rows">For each text the tags of its words and the predicted ones; an empty prediction is none.</param>
    public static TypeConfusion Count(IEnumerable<(string[] Actual, string[] Predicted)> rows)
    {
        var pairs = rows.SelectMany(row => row.Actual.Zip(row.Predicted, (actual, predicted) => (Actual: TypeOf(actual), Predicted: TypeOf(predicted)))).ToArray();
        string[] types = [.. pairs.SelectMany(pair => new[] { pair.Actual, pair.Predicted }).Where(type => type != None).Distinct().Order(StringComparer.Ordinal), None];
        var counts = new int[types.Length, types.Length];
        foreach (var (actual, predicted) in pairs)
        {
            counts[Array.IndexOf(types, actual), Array.IndexOf(types, predicted)]++;
        }

        return new TypeConfusion(types, counts);
    }

    private static string TypeOf(string tag) => tag.Length > 2 && tag[1] == '-' ? tag[2..] : None;
}
