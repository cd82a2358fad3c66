namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A tensor of a file that is written.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Type">Element type in the file.</param>
/// <param name="Shape">Shape; empty for a scalar.</param>
/// <param name="Write">Writes its elements, row-major and little-endian; the stream stays open.</param>
internal sealed record SafetensorsPart(string Name, ElementType Type, long[] Shape, Action<Stream> Write);
