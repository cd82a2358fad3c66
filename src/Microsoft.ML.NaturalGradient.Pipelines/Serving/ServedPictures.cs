using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A model that reads pictures.</summary>
/// <param name="Columns">The columns that are read and added.</param>
/// <param name="Format">The classes.</param>
/// <param name="Reading">How pictures are read.</param>
/// <param name="Files">The image processor's file.</param>
/// <param name="UsualClass">The image processor's class where the file names none.</param>
internal sealed record ServedPictures(
    ImageColumns Columns, ClassFormat Format, ImageReading Reading, IReadOnlyDictionary<string, byte[]> Files, string? UsualClass)
    : ServedModel(Files, UsualClass)
{
    /// <inheritdoc/>
    public override ImageColumns Columns { get; } = Columns;

    /// <inheritdoc/>
    public override ClassFormat Format { get; } = Format;

    /// <summary>Reads how pictures are prepared.</summary>
    /// <exception cref="FileNotFoundException">The file is missing.</exception>
    /// <exception cref="InvalidDataException">The processor is not supported, or a field makes no sense.</exception>
    public ImagePreprocessor ReadPreprocessor()
    {
        using var files = new MemoryCheckpointFiles(Files, Description);
        return ImagePreprocessor.Read(files, UsualClass, Reading.ImageSize);
    }
}
