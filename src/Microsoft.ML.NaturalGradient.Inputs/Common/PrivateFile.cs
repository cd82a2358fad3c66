namespace Microsoft.ML.NaturalGradient;

/// <summary>Temporary files that hold what may be private: other users cannot read them.</summary>
internal static class PrivateFile
{
    /// <summary>Settings of a new file.</summary>
    /// <param name="access">What it is opened for.</param>
    /// <param name="options">How the system treats it.</param>
    public static FileStreamOptions Options(FileAccess access, FileOptions options = FileOptions.None)
    {
        var settings = new FileStreamOptions { Mode = FileMode.CreateNew, Access = access, Share = FileShare.None, Options = options };
        if (!OperatingSystem.IsWindows())
        {
            settings.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return settings;
    }

    /// <summary>Takes the name of an open file away, where the system allows it: its bytes stay until it is closed, and nothing is left where the process is ended.</summary>
    /// <param name="path">Path of the file.</param>
    public static void TakeName(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(path);
        }
    }
}
