using ModelBuilderSample;
using Samples;

namespace TextClassificationSample;

/// <summary>Loads a saved model and prints the class and the probabilities of each sentence.</summary>
internal sealed record ClassifyCommand(string ModelPath, IReadOnlyList<string> Sentences)
{
    public static IReadOnlyList<string> DefaultSentences { get; } =
    [
        "The battery died after a week and nobody answered my calls.",
        "What a lovely film, I would watch it again tomorrow.",
        "The food was fine, but we waited an hour for it.",
    ];

    public int Run()
    {
        ReviewModel.MLNetModelPath = Path.GetFullPath(ModelPath);
        ClassProbabilities.Load(ModelPath, ReviewModel.PredictEngine);
        foreach (var sentence in Sentences)
        {
            ClassProbabilities.Write(sentence, ReviewModel.PredictAllLabels(new ReviewModel.ModelInput { Text = sentence }));
        }

        return 0;
    }
}
