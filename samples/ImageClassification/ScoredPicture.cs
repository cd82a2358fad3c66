namespace ImageClassificationSample;

/// <summary>A test picture, its class, and what a model takes it for with which probability.</summary>
internal sealed record ScoredPicture(string ImagePath, string Label, string PredictedLabel, float Probability)
{
    public bool IsMistake => Label != PredictedLabel;
}
