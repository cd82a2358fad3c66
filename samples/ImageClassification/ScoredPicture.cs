namespace ImageClassificationSample;

/// <summary>A test picture, its class, and what a model takes it for with which probability.</summary>
internal sealed record ScoredPicture(string ImagePath, string Label, string PredictedLabel, float Probability)
{
    public bool IsMistake => Label != PredictedLabel;

    /// <summary>Pictures by true class (row) and predicted class (column).</summary>
    public static int[,] Count(IReadOnlyList<ScoredPicture> predictions, IReadOnlyList<string> classes)
    {
        var index = classes.Select((name, i) => (name, i)).ToDictionary(pair => pair.name, pair => pair.i);
        var counts = new int[classes.Count, classes.Count];
        foreach (var prediction in predictions)
        {
            counts[index[prediction.Label], index[prediction.PredictedLabel]]++;
        }

        return counts;
    }
}
