using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>All processes that one launcher started, over MPI.</summary>
internal sealed unsafe class MpiWorld : ICollective
{
    private const int ForwardingTime = 200; // ms; launchers read what processes write, and may drop what is left when one aborts

    private readonly MpiCalls _calls;
    private int _callers; // threads within a call: 0 or 1
    private volatile bool _ended;

    private MpiWorld(MpiCalls calls)
    {
        _calls = calls;
        Rank = calls.Rank;
        Size = calls.Size;
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>The implementation of MPI, in its own words.</summary>
    public string Version => _calls.Version;

    /// <summary>Loads and initialises MPI, and sees to its end.</summary>
    /// <param name="launcher">What started this process.</param>
    /// <param name="named">The library that the user names; null for the launcher's.</param>
    /// <exception cref="InvalidOperationException">There is no library, it is one that is not known, or not the launcher's.</exception>
    public static MpiWorld Open(Launcher launcher, string? named)
    {
        NativeSettings.KeepSignalHandlers();
        var library = MpiLibrary.Load(launcher, named);
        var calls = new MpiCalls(library);
        if (calls.Family == MpiFamily.OpenMpi)
        {
            NativeSettings.ShareSymbols(library.Name);
        }

        var foreign = calls.IsInitialized;
        calls.Initialize();
        var world = new MpiWorld(calls);
        if (!foreign)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => world.End();
        }

        // Each process would believe that it is alone, and all would write the same files.
        return launcher.Size is not { } size || size == world.Size ? world : throw new InvalidOperationException(
            $"The launcher started {size} processes, but {library.Name} sees {world.Size}: launcher and library are of different implementations of MPI. " +
            $"Start the program with the mpiexec of this library, or name the library of the launcher in the environment variable {MpiLibrary.Variable}.");
    }

    /// <inheritdoc/>
    public void AllReduce(Span<double> values)
    {
        using var turn = new Turn(this);
        fixed (double* pointer = values.IsEmpty ? [0] : values)
        {
            _calls.AllReduce(pointer, values.Length);
        }
    }

    /// <inheritdoc/>
    public void AllReduce(Span<float> values)
    {
        using var turn = new Turn(this);
        fixed (float* pointer = values.IsEmpty ? [0] : values)
        {
            _calls.AllReduce(pointer, values.Length);
        }
    }

    /// <inheritdoc/>
    public void AllGather(ReadOnlySpan<byte> own, Span<byte> all, ReadOnlySpan<int> counts)
    {
        CollectiveArguments.CheckGather(this, own, all, counts);
        using var turn = new Turn(this);
        fixed (byte* ownPointer = own.IsEmpty ? [0] : own, allPointer = all.IsEmpty ? [0] : all)
        fixed (int* countsPointer = counts, offsets = Offsets(counts))
        {
            _calls.AllGather(ownPointer, own.Length, allPointer, countsPointer, offsets);
        }
    }

    /// <inheritdoc/>
    public void AllToAll(ReadOnlySpan<byte> sent, ReadOnlySpan<int> sentCounts, Span<byte> received, ReadOnlySpan<int> receivedCounts)
    {
        CollectiveArguments.CheckExchange(this, sent, sentCounts, received, receivedCounts);
        using var turn = new Turn(this);
        fixed (byte* sentPointer = sent.IsEmpty ? [0] : sent, receivedPointer = received.IsEmpty ? [0] : received)
        fixed (int* sentCountsPointer = sentCounts, sentOffsets = Offsets(sentCounts))
        fixed (int* receivedCountsPointer = receivedCounts, receivedOffsets = Offsets(receivedCounts))
        {
            _calls.AllToAll(sentPointer, sentCountsPointer, sentOffsets, receivedPointer, receivedCountsPointer, receivedOffsets);
        }
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> values, int root)
    {
        CollectiveArguments.CheckRoot(this, root);
        using var turn = new Turn(this);
        fixed (byte* pointer = values.IsEmpty ? [0] : values)
        {
            _calls.Broadcast(pointer, values.Length, root);
        }
    }

    /// <inheritdoc/>
    public void Barrier()
    {
        using var turn = new Turn(this);
        _calls.Barrier();
    }

    /// <inheritdoc/>
    public void Abort(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        ObjectDisposedException.ThrowIf(_ended, this);
        Abort(reason, 1);
    }

    // Also while another thread waits in a call: it would wait forever.
    private void Abort(string reason, int code)
    {
        _ended = true;
        var line = string.Create(
            CultureInfo.InvariantCulture, $"Process {Rank} of {Size} (pid {Environment.ProcessId} on {Environment.MachineName}): {reason.ReplaceLineEndings(" ")}\n");
#pragma warning disable RS0030 // the processes end here: no other way to say why is left
        using (var errors = Console.OpenStandardError())
#pragma warning restore RS0030
        {
            errors.Write(Encoding.UTF8.GetBytes(line)); // in one piece, so that lines of several processes stay whole
            errors.Flush();
        }

        Thread.Sleep(ForwardingTime);
        _calls.Abort(code);
    }

    // MPI_Finalize waits for the other processes, which may be waiting for this one.
    private void End()
    {
        if (_ended)
        {
            return;
        }

        if (Environment.ExitCode is not 0 and var code)
        {
            Abort($"ends with exit code {code.ToString(CultureInfo.InvariantCulture)}, and with it all others.", code);
        }
        else if (Interlocked.CompareExchange(ref _callers, 1, 0) != 0)
        {
            Abort("ends while one of its threads waits for the other processes.", 1);
        }
        else
        {
            _ended = true;
            if (!_calls.IsFinalized)
            {
                _calls.End();
            }
        }
    }

    private static int[] Offsets(ReadOnlySpan<int> counts)
    {
        var offsets = new int[counts.Length];
        for (var rank = 1; rank < counts.Length; rank++)
        {
            offsets[rank] = offsets[rank - 1] + counts[rank - 1];
        }

        return offsets;
    }

    /// <summary>The time that a thread is within a call.</summary>
    private readonly ref struct Turn
    {
        private readonly MpiWorld _world;

        public Turn(MpiWorld world)
        {
            ObjectDisposedException.ThrowIf(world._ended, world);
            if (Interlocked.CompareExchange(ref world._callers, 1, 0) != 0)
            {
                throw new InvalidOperationException("Two threads called Mpi.World at the same time, so that the processes cannot agree on the order of calls. Let one thread call it.");
            }

            _world = world;
        }

        public void Dispose() => Volatile.Write(ref _world._callers, 0);
    }
}
