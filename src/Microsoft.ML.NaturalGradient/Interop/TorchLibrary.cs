using System.Runtime.InteropServices;
using TorchSharp;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>Loads libtorch, and says in our words why it cannot be loaded.</summary>
/// <remarks>TorchSharp reports every failure as a missing package, also when the package is there and the C++ runtime is too old.</remarks>
internal static class TorchLibrary
{
    // std::ios_base_library_init(), which came with GLIBCXX_3.4.32 of GCC 13.
    private const string NewestSymbol = "_ZSt21ios_base_library_initv";

    private static readonly Lazy<(string Message, Exception Cause)?> Failure = new(TryLoad);

    /// <summary>Loads libtorch on the first call.</summary>
    /// <exception cref="InvalidOperationException">It cannot be loaded; the message says why and what to do.</exception>
    public static void EnsureLoadable()
    {
        if (Failure.Value is { } failure)
        {
            throw new InvalidOperationException(failure.Message, failure.Cause);
        }
    }

    /// <summary>Says what is wrong and what to do.</summary>
    /// <param name="isWindows">Whether this is Windows.</param>
    /// <param name="hasNewRuntime">Whether the C++ runtime is as new as libtorch's bindings need; true where that does not apply.</param>
    /// <param name="cause">What the loader said.</param>
    /// <returns>The message.</returns>
    internal static string Describe(bool isWindows, bool hasNewRuntime, string cause)
    {
        const string Beginning = "libtorch, which does the computations, cannot be loaded: ";
        if (!hasNewRuntime)
        {
            return Beginning + "the C++ runtime of this machine (libstdc++.so.6) has no GLIBCXX_3.4.32. Install libstdc++6 of GCC 13 or "
                + "newer; Debian 13 and Ubuntu 24.04 have it, for Debian 12 it comes from the suite trixie.";
        }

        return Beginning + cause + " Add a package with libtorch to the application: 'dotnet add package NaturalGradient.MLNet.Cpu' brings one for "
            + "each platform; or libtorch-cpu-linux-x64, TorchSharp-cpu or a CUDA build, in the version that this TorchSharp needs."
            + (isWindows ? " If it is referenced in that version, see dotnet/TorchSharp issue 1567." : "");
    }

    private static (string Message, Exception Cause)? TryLoad()
    {
        if (FindOldRuntime() is { } tooOld)
        {
            return (Describe(isWindows: false, hasNewRuntime: false, ""), tooOld);
        }

        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            return null;
        }
        catch (Exception e) when (e is TypeInitializationException or NotSupportedException or DllNotFoundException or BadImageFormatException)
        {
            var first = e.GetBaseException().Message.Split('\n', 2)[0].Trim();
            return (Describe(OperatingSystem.IsWindows(), HasNewRuntime(), first.EndsWith('.') ? first : first + "."), e);
        }
    }

    /// <summary>Loads the bindings as TorchSharp is about to, which would print a long text about packages where the C++ runtime is too old.</summary>
    private static DllNotFoundException? FindOldRuntime()
    {
        try
        {
            NativeLibrary.Load("LibTorchSharp", typeof(torch).Assembly, searchPath: null);
            return null;
        }
        catch (DllNotFoundException e)
        {
            return e.Message.Contains("GLIBCXX_", StringComparison.Ordinal) ? e : null;
        }
    }

    private static bool HasNewRuntime() => !OperatingSystem.IsLinux()
        || (NativeLibrary.TryLoad("libstdc++.so.6", out var runtime) && NativeLibrary.TryGetExport(runtime, NewestSymbol, out _));
}
