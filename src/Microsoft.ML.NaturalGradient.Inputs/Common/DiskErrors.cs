namespace Microsoft.ML.NaturalGradient;

/// <summary>What writing a file ends with.</summary>
internal static class DiskErrors
{
    /// <summary>Whether it is that the file cannot be written where it is: the disk is full, the folder cannot be written, or the disk has no files of that length.</summary>
    /// <remarks>.NET reports the last, as of a FAT disk beyond 4 GB, as a wrong argument called value.</remarks>
    /// <param name="error">The error.</param>
    public static bool IsOfWriting(Exception error) =>
        error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" };
}
