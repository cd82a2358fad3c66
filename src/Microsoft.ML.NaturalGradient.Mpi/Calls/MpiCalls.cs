using System.Runtime.InteropServices;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>The functions of MPI's C interface that this library calls, on the communicator of all processes.</summary>
/// <remarks>Arguments are trusted here. Signatures: MPI standard, version 4.0. Failures are exceptions that name the function and say what MPI says.</remarks>
internal sealed unsafe class MpiCalls
{
    private const int Serialized = 2; // MPI_THREAD_SERIALIZED in both families
    private const int LongestText = 8192; // MPI_MAX_LIBRARY_VERSION_STRING and MPI_MAX_ERROR_STRING of any of them

    private readonly MpiLibrary _library;
    private readonly MpiHandles _handles;

    /// <summary>Finds out which implementation a library is.</summary>
    /// <param name="library">The library; MPI need not be initialised.</param>
    /// <exception cref="InvalidOperationException">It is not one that this library knows.</exception>
    public MpiCalls(MpiLibrary library)
    {
        _library = library;
        Version = Text("MPI_Get_library_version", (delegate* unmanaged<byte*, int*, int>)Function("MPI_Get_library_version"));
        _handles = MpiHandles.Of(library, Version);
    }

    /// <summary>What the library says of itself.</summary>
    public string Version { get; }

    /// <summary>The implementation.</summary>
    public MpiFamily Family => _handles.Family;

    /// <summary>Whether MPI was initialised in this process.</summary>
    public bool IsInitialized => Flag("MPI_Initialized");

    /// <summary>Whether MPI was finalised in this process.</summary>
    public bool IsFinalized => Flag("MPI_Finalized");

    /// <summary>Number of this process.</summary>
    public int Rank => Number("MPI_Comm_rank");

    /// <summary>Number of processes.</summary>
    public int Size => Number("MPI_Comm_size");

    /// <summary>Initialises MPI for calls by one thread at a time, unless something else in this process did.</summary>
    /// <exception cref="InvalidOperationException">MPI allows calls by its first thread only, or is finalised.</exception>
    public void Initialize()
    {
        if (IsFinalized)
        {
            throw new InvalidOperationException("MPI was finalised in this process and cannot be initialised again. Let Mpi.World finalise it, which it does when the process ends.");
        }

        int provided;
        if (IsInitialized)
        {
            Check("MPI_Query_thread", ((delegate* unmanaged<int*, int>)Function("MPI_Query_thread"))(&provided));
        }
        else
        {
            Check("MPI_Init_thread", ((delegate* unmanaged<int*, byte***, int, int*, int>)Function("MPI_Init_thread"))(null, null, Serialized, &provided));
        }

        if (provided < Serialized)
        {
            throw new InvalidOperationException(
                $"{_library.Name} allows calls by one thread only (level {provided} of threads; {Serialized}, MPI_THREAD_SERIALIZED, is needed). Use a build of MPI with support of threads.");
        }

        Check("MPI_Comm_set_errhandler", ((delegate* unmanaged<nint, nint, int>)Function("MPI_Comm_set_errhandler"))(_handles.World, _handles.ErrorsReturn));
    }

    /// <summary>Ends the work with MPI; waits for the other processes to do so.</summary>
    public void End() => Check("MPI_Finalize", ((delegate* unmanaged<int>)Function("MPI_Finalize"))());

    /// <summary>Ends all processes.</summary>
    /// <param name="code">Exit code.</param>
    public void Abort(int code) => Check("MPI_Abort", ((delegate* unmanaged<nint, int, int>)Function("MPI_Abort"))(_handles.World, code));

    /// <summary>Waits for all processes.</summary>
    public void Barrier() => Check("MPI_Barrier", ((delegate* unmanaged<nint, int>)Function("MPI_Barrier"))(_handles.World));

    /// <summary>Adds up numbers of all processes, in place.</summary>
    public void AllReduce(double* values, int count) => AllReduce(values, count, _handles.Doubles);

    /// <inheritdoc cref="AllReduce(double*, int)"/>
    public void AllReduce(float* values, int count) => AllReduce(values, count, _handles.Floats);

    /// <summary>Gives every process what one of them has.</summary>
    public void Broadcast(byte* values, int count, int root) =>
        Check("MPI_Bcast", ((delegate* unmanaged<byte*, int, nint, int, nint, int>)Function("MPI_Bcast"))(values, count, _handles.Bytes, root, _handles.World));

    /// <summary>Gives every process the pieces of all.</summary>
    public void AllGather(byte* own, int ownCount, byte* all, int* counts, int* offsets) => Check(
        "MPI_Allgatherv",
        ((delegate* unmanaged<byte*, int, nint, byte*, int*, int*, nint, nint, int>)Function("MPI_Allgatherv"))(
            own, ownCount, _handles.Bytes, all, counts, offsets, _handles.Bytes, _handles.World));

    /// <summary>Gives every process a piece of every other's.</summary>
    public void AllToAll(byte* sent, int* sentCounts, int* sentOffsets, byte* received, int* receivedCounts, int* receivedOffsets) => Check(
        "MPI_Alltoallv",
        ((delegate* unmanaged<byte*, int*, int*, nint, byte*, int*, int*, nint, nint, int>)Function("MPI_Alltoallv"))(
            sent, sentCounts, sentOffsets, _handles.Bytes, received, receivedCounts, receivedOffsets, _handles.Bytes, _handles.World));

    private void AllReduce(void* values, int count, nint type) => Check(
        "MPI_Allreduce",
        ((delegate* unmanaged<void*, void*, int, nint, nint, nint, int>)Function("MPI_Allreduce"))((void*)_handles.InPlace, values, count, type, _handles.Sum, _handles.World));

    private int Number(string name)
    {
        int number;
        Check(name, ((delegate* unmanaged<nint, int*, int>)Function(name))(_handles.World, &number));
        return number;
    }

    private bool Flag(string name)
    {
        int flag;
        Check(name, ((delegate* unmanaged<int*, int>)Function(name))(&flag));
        return flag != 0;
    }

    private string Text(string name, delegate* unmanaged<byte*, int*, int> function)
    {
        var bytes = stackalloc byte[LongestText];
        int length;
        Check(name, function(bytes, &length));
        return Encoding.UTF8.GetString(bytes, length).TrimEnd('\0');
    }

    private void Check(string name, int code)
    {
        if (code != 0)
        {
            throw new InvalidOperationException($"{name} failed: {Explain(code)} The processes cannot go on together: end the run, and start it anew from its last saved state.");
        }
    }

    private string Explain(int code)
    {
        var bytes = stackalloc byte[LongestText];
        int length;
        return ((delegate* unmanaged<int, byte*, int*, int>)Function("MPI_Error_string"))(code, bytes, &length) == 0
            ? Encoding.UTF8.GetString(bytes, length).TrimEnd('\0', '\n', ' ', '.') + '.'
            : $"error {code}.";
    }

    private nint Function(string name) => NativeLibrary.TryGetExport(_library.Handle, name, out var address)
        ? address
        : throw new InvalidOperationException($"{_library.Name} has no function {name}, so that it is no library of MPI 3.0 or later. Name another file in {MpiLibrary.Variable}.");
}
