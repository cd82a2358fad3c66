namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>A rectangle of pixels.</summary>
/// <param name="X">First column; may lie outside the picture.</param>
/// <param name="Y">First row; may lie outside the picture.</param>
/// <param name="Width">Columns, at least one.</param>
/// <param name="Height">Rows, at least one.</param>
internal readonly record struct PixelBox(int X, int Y, int Width, int Height);
