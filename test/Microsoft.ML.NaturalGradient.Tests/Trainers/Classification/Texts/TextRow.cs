namespace Microsoft.ML.NaturalGradient.Tests.Classification;

internal sealed class TextRow
{
    public float Id { get; set; }

    public string? Label { get; set; }

    public string? Text { get; set; }

    public string? Pair { get; set; }
}
