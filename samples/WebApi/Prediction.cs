namespace WebApiSample;

/// <summary>The answer to a request.</summary>
/// <param name="PredictedLabel">The most probable class.</param>
/// <param name="Classes">Every class, the most probable first.</param>
/// <param name="ModelVersion">Which model said so: 1 for the first since the start, one more after each swap.</param>
public sealed record Prediction(string PredictedLabel, IReadOnlyList<ClassProbability> Classes, int ModelVersion)
{
    /// <summary>Pairs probabilities with the names of their classes.</summary>
    internal static Prediction Create(IReadOnlyList<string> names, IReadOnlyList<float> probabilities, int modelVersion)
    {
        ClassProbability[] classes = [.. names.Zip(probabilities, (name, value) => new ClassProbability(name, value)).OrderByDescending(item => item.Probability)];
        return new Prediction(classes[0].Name, classes, modelVersion);
    }
}
