namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The architectures that read pictures, as <c>model_type</c> of a configuration names them.</summary>
internal static class ImageModelTypes
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = ["deit", "dinov2", "vit"];
}
