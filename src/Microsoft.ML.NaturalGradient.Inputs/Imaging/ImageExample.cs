namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>One training row with a picture.</summary>
/// <param name="Index">Index of its picture in the cache.</param>
/// <param name="Row">Its position among the rows, from 0: what augmentation depends on.</param>
/// <param name="Label">Its class.</param>
internal readonly record struct ImageExample(int Index, int Row, RowLabel Label);
