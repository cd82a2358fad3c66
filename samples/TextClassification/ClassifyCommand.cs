namespace TextClassificationSample;

/// <summary>Loads a saved model and prints the class and the probabilities of each sentence.</summary>
internal sealed record ClassifyCommand(string ModelPath, IReadOnlyList<string> Sentences)
{
    private const int ShownClasses = 5;

    public static IReadOnlyList<string> DefaultSentences { get; } =
    [
        "The battery died after a week and nobody answered my calls.",
        "What a lovely film, I would watch it again tomorrow.",
        "The food was fine, but we waited an hour for it.",
    ];

    public int Run()
    {
        if (!File.Exists(ModelPath))
        {
            throw new UsageException($"There is no model \"{ModelPath}\". Run the sample without arguments to train one, or name one with --model.");
        }

        ReviewModel.MLNetModelPath = Path.GetFullPath(ModelPath);
        foreach (var sentence in Sentences)
        {
            var probabilities = ReviewModel.PredictAllLabels(new ReviewModel.ModelInput { Text = sentence });
            Console.WriteLine($"\"{sentence}\"");
            Console.WriteLine($"  {probabilities[0].Key}   ({Describe(probabilities)})");
        }

        return 0;
    }

    private static string Describe(IReadOnlyList<KeyValuePair<string, float>> probabilities)
    {
        var shown = probabilities.Take(ShownClasses).Select(pair => $"{pair.Key} {pair.Value:P1}");
        var more = probabilities.Count - ShownClasses;
        return string.Join(", ", shown) + (more > 0 ? $", {more} more classes" : "");
    }
}
