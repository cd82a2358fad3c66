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

    /// <summary>Loads a model by making its engine; a sentence instead of an exception where the file holds none.</summary>
    public static void Load<T>(string path, Lazy<T> engine) => LoadFrom(path, _ => engine.Value);

    /// <summary>Loads a model; a sentence instead of an exception where the file holds none.</summary>
    public static T LoadFrom<T>(string path, Func<string, T> load)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"There is no model \"{path}\". Run the sample without arguments to train one, or name one with --model.");
        }

        try
        {
            return load(path);
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException or ArgumentException or IOException)
        {
            throw new UsageException($"The file \"{path}\" is not a model of this sample: {exception.Message}");
        }
    }
}
