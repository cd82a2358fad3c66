namespace Samples;

/// <summary>The folders that a sample writes to.</summary>
internal static class Folders
{
    /// <summary>Makes it; before the training, since a folder that cannot be written should not cost minutes.</summary>
    public static void CreateOutput(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The folder \"{path}\" cannot be made: {exception.Message}");
        }
    }
}
