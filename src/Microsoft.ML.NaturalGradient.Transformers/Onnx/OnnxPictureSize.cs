namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>The size of the pictures that a graph reads.</summary>
/// <param name="Height">Rows of pixels.</param>
/// <param name="Width">Pixels of a row.</param>
internal sealed record OnnxPictureSize(int Height, int Width)
{
    /// <summary>Name of the input with pictures.</summary>
    public const string InputName = "pixel_values";
}
