namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a served model reads and adds; null takes what the trainer of the task does.</summary>
/// <param name="Score">Output: probabilities, or the number.</param>
/// <param name="Predicted">Output: the class, the classes, the tags or the answers; not used for numbers.</param>
/// <param name="Input">The text, the question or the picture.</param>
/// <param name="SecondInput">The second text of a pair, or the context of a question.</param>
internal sealed record ServedColumns(string? Score = null, string? Predicted = null, string? Input = null, string? SecondInput = null)
{
    private const string Label = "Label"; // not read when rows are scored

    /// <summary>The columns of a model that reads texts.</summary>
    /// <param name="kind">What labels are.</param>
    /// <param name="readsPairs">Whether it was trained on pairs of texts.</param>
    public TextColumns ForTexts(LabelKind kind, bool readsPairs)
    {
        var target = Target(kind);
        return kind == LabelKind.Answer ? new TextColumns(target, Input ?? "Question", SecondInput ?? "Context")
            : kind == LabelKind.Tags ? new TextColumns(target, Input ?? "Sentence", null) { AllowsWords = true }
            : new TextColumns(target, Input ?? "Sentence1", SecondInput ?? (readsPairs ? "Sentence2" : null));
    }

    /// <summary>The columns of a model that reads pictures.</summary>
    public ImageColumns ForPictures() => new(Target(LabelKind.Class), Input ?? "Features");

    private TargetColumns Target(LabelKind kind) => new(Label, Score ?? "Score", PredictedName(kind), kind);

    private string? PredictedName(LabelKind kind) =>
        kind == LabelKind.Number ? null : Predicted ?? (kind == LabelKind.Answer ? "Answer" : kind == LabelKind.Classes ? "PredictedLabels" : "PredictedLabel");
}
