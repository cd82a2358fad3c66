using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>The library of an implementation of MPI, loaded.</summary>
/// <param name="Name">The name that it was loaded by.</param>
/// <param name="Handle">Its handle, for <see cref="NativeLibrary"/>.</param>
internal sealed record MpiLibrary(string Name, nint Handle)
{
    /// <summary>Environment variable that names the file to load.</summary>
    public const string Variable = "NATURALGRADIENT_MPI_LIBRARY";

    /// <summary>Loads the library that fits a launcher, or the one that the user names.</summary>
    /// <param name="launcher">What started the process.</param>
    /// <param name="named">The file that the user names; null or empty for none.</param>
    /// <param name="namesOf">Names of the libraries of a family; null for the usual ones.</param>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static MpiLibrary Load(Launcher launcher, string? named, Func<MpiFamily, IReadOnlyList<string>>? namesOf = null)
    {
        if (!string.IsNullOrEmpty(named))
        {
            try
            {
                return new(named, NativeLibrary.Load(named));
            }
            catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
            {
                throw new InvalidOperationException($"{Variable} names '{named}', which cannot be loaded: {exception.Message} Name the library of an MPI implementation.", exception);
            }
        }

        var names = launcher.Families.SelectMany(namesOf ?? NamesOf).ToArray();
        foreach (var name in names)
        {
            if (NativeLibrary.TryLoad(name, out var handle))
            {
                return new(name, handle);
            }
        }

        throw new InvalidOperationException(
            $"An MPI launcher started this process ({launcher.Variable} is set), but no library of MPI was found. Looked for {string.Join(", ", names)}. " +
            $"Install {string.Join(" or ", launcher.Families.Select(AdviceFor))}, or name the file in the environment variable {Variable}.");
    }

    /// <summary>Names of the libraries of a family on this platform, the likelier first.</summary>
    public static IReadOnlyList<string> NamesOf(MpiFamily family) => (family, Platform()) switch
    {
        (MpiFamily.Mpich, "windows") => ["msmpi.dll", "impi.dll"],
        (MpiFamily.OpenMpi, "windows") => [],
        (MpiFamily.Mpich, "macos") => ["libmpi.12.dylib", "/opt/homebrew/lib/libmpi.12.dylib"],
        (MpiFamily.OpenMpi, "macos") => ["libmpi.40.dylib", "/opt/homebrew/lib/libmpi.40.dylib"],
        (MpiFamily.Mpich, _) => ["libmpich.so.12", "libmpi.so.12"],
        _ => ["libmpi.so.40"],
    };

    private static string AdviceFor(MpiFamily family) => (family, Platform()) switch
    {
        (MpiFamily.Mpich, "windows") => "Microsoft MPI",
        (MpiFamily.Mpich, _) => "MPICH (Debian and Ubuntu: apt-get install mpich)",
        _ => "Open MPI (Debian and Ubuntu: apt-get install openmpi-bin)",
    };

    private static string Platform() => OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : "";
}
