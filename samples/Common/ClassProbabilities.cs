namespace Samples;

/// <summary>Prints what a model says of one input: the class, and the probabilities of the most probable ones.</summary>
internal static class ClassProbabilities
{
    private const int Shown = 5;

    /// <param name="input">The input, as it should be shown.</param>
    /// <param name="probabilities">Classes with their probabilities, the most probable first.</param>
    public static void Write(string input, IReadOnlyList<KeyValuePair<string, float>> probabilities)
    {
        var shown = probabilities.Take(Shown).Select(pair => $"{pair.Key} {pair.Value:P1}");
        var more = probabilities.Count - Shown;
        Console.WriteLine($"\"{input}\"");
        Console.WriteLine($"  {probabilities[0].Key}   ({string.Join(", ", shown)}{(more > 0 ? $", {more} more classes" : "")})");
    }

    /// <summary>A sentence instead of an exception where there is no model.</summary>
    public static void CheckModel(string path)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"There is no model \"{path}\". Run the sample without arguments to train one, or name one with --model.");
        }
    }
}
