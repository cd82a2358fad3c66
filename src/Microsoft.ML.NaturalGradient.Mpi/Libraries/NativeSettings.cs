using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>What .NET's own calls do not reach: the environment that native code sees, and libraries whose symbols other libraries see.</summary>
internal static partial class NativeSettings
{
    // .NET turns SIGSEGV into NullReferenceException. These keep other handlers away: of Open MPI, of UCX, which MPICH and Open MPI use, and of the PSM libraries.
    private static readonly (string Name, string Value)[] NoSignalHandlers =
        [("OMPI_MCA_opal_signal", ""), ("UCX_ERROR_SIGNALS", ""), ("UCX_HANDLE_ERRORS", "none"), ("IPATH_NO_BACKTRACE", "1"), ("HFI_NO_BACKTRACE", "1")];

    /// <summary>Asks the libraries that MPI loads to leave SIGSEGV to .NET. Before any of them is loaded.</summary>
    public static void KeepSignalHandlers()
    {
        if (!OperatingSystem.IsWindows())
        {
            foreach (var (name, value) in NoSignalHandlers)
            {
                _ = SetVariable(name, value, overwrite: 0);
            }
        }
    }

    /// <summary>Lets libraries that are loaded later see the symbols of one that is loaded: the parts of some builds of Open MPI are not linked with it.</summary>
    /// <param name="name">The name that it was loaded by.</param>
    public static void ShareSymbols(string name)
    {
        const int Lazy = 1;
        if (!OperatingSystem.IsWindows())
        {
            var global = OperatingSystem.IsMacOS() ? 0x8 : 0x100;
            _ = OpenLibrary(name, Lazy | global);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenLibrary(string name, int flags);
}
