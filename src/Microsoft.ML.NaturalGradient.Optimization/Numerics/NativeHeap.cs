using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Has the C library keep the memory that a step frees for the next step, while anything trains, and some of what scoring frees.</summary>
/// <remarks>
/// A step frees some hundred megabytes of intermediate results. glibc returns them to the system as it sees fit, and the next step pays for every page
/// anew: up to a quarter of its time, more or less by chance. When the last training ends, all that is free is returned. Scoring frees less, but
/// where a thread's heap is nearly full, each batch gets a new heap and gives it back: up to three quarters of its time. Only for glibc, and
/// not where the user has set the thresholds by environment variables; elsewhere without effect.
/// </remarks>
internal sealed partial class NativeHeap : IDisposable
{
    private const int TrimThreshold = -1; // names and numbers of malloc.h
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int MostMmaps = -4;
    private const int LargestMmapThreshold = 32 << 20; // of glibc on 64 bits, which its own adjustment may reach too
    private const int UsualTrimThreshold = 2 * LargestMmapThreshold; // what glibc adjusts itself to after freeing a block of that size
    private const int LargestHeap = 2 * LargestMmapThreshold; // of a thread that is not the first, which has several; with so much padding empty ones are kept
    private const int UsualTopPad = 128 << 10;
    private const int UsualMostMmaps = 65536;
    private const int ScoringTrimThreshold = 256 << 20; // a batch of pictures fits

    private static readonly string[] ThresholdVariables = ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES"];
    private static readonly Lock Gate = new();

    private static int _users;
    private static bool _isScoring;

    private bool _isDisposed;

    /// <summary>Whether this object has an effect.</summary>
    public static bool IsAdjustable { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess && !IsSetByUser();

    /// <summary>Starts to keep memory; <see cref="Dispose"/> ends it.</summary>
    public NativeHeap()
    {
        lock (Gate)
        {
            if (_users++ == 0)
            {
                Set(int.MaxValue, LargestHeap, mostMmaps: 0); // blocks above the largest threshold, such as the gradient of a word table, are kept too
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Gate)
        {
            if (!_isDisposed && --_users == 0)
            {
                SetForRest();
                Call(ReturnAll);
            }

            _isDisposed = true;
        }
    }

    /// <summary>From now on keeps what a batch that is scored needs, up to 256 MB of the first heap and 64 MB of each other; <see cref="ReturnFree"/> returns that too.</summary>
    public static void KeepForScoring()
    {
        lock (Gate)
        {
            if (!_isScoring)
            {
                _isScoring = true;
                if (_users == 0)
                {
                    SetForRest();
                }
            }
        }
    }

    /// <summary>Returns what is free to the system, unless something trains: glibc keeps a freed network, in as many heaps as threads have loaded one.</summary>
    public static void ReturnFree()
    {
        lock (Gate)
        {
            if (_users == 0)
            {
                Call(ReturnAll);
            }
        }
    }

    private static bool IsSetByUser() =>
        ThresholdVariables.Any(name => Environment.GetEnvironmentVariable(name) is not null);

    private static void SetForRest() =>
        Set(_isScoring ? ScoringTrimThreshold : UsualTrimThreshold, _isScoring ? LargestHeap : UsualTopPad, UsualMostMmaps);

    private static void Set(int trimThreshold, int topPad, int mostMmaps) => Call(() =>
    {
        _ = SetOption(MostMmaps, mostMmaps);
        _ = SetOption(TrimThreshold, trimThreshold);
        _ = SetOption(TopPad, topPad);
        _ = SetOption(MmapThreshold, LargestMmapThreshold);
    });

    private static void ReturnAll() => _ = Trim(0);

    private static void Call(Action functions)
    {
        if (!IsAdjustable)
        {
            return;
        }

        try
        {
            functions();
        }
        catch (Exception error) when (error is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library, such as musl.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
