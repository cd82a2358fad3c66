using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>What the C header of a family of implementations defines: handles of communicator, types, operation and error handler, and the address that means "in place".</summary>
/// <remarks>
/// A number is kept in the low half of a <see cref="nint"/>. Where it is passed to a function that takes an <c>int</c>, the function reads that half: so it is by the
/// calling conventions of x64 and arm64, in registers and on the stack. One set of function pointers serves both families.
/// </remarks>
internal sealed record MpiHandles(MpiFamily Family, nint World, nint Bytes, nint Floats, nint Doubles, nint Sum, nint ErrorsReturn, nint InPlace)
{
    private const string WorldSymbol = "ompi_mpi_comm_world";

    private static readonly string[] MpichNames = ["MPICH", "Intel(R) MPI", "MVAPICH", "Microsoft MPI"];

    /// <summary>MPICH's numbers (ABI of 2014, which Intel MPI and MVAPICH share).</summary>
    public static MpiHandles Mpich { get; } = new(
        MpiFamily.Mpich, World: 0x44000000, Bytes: 0x4c00010d, Floats: 0x4c00040a, Doubles: 0x4c00080b, Sum: 0x58000003, ErrorsReturn: 0x54000001, InPlace: -1);

    /// <summary>Recognises an implementation.</summary>
    /// <param name="library">The loaded library.</param>
    /// <param name="version">What it says of itself.</param>
    /// <exception cref="InvalidOperationException">It is none of those that this library knows.</exception>
    public static MpiHandles Of(MpiLibrary library, string version)
    {
        if (NativeLibrary.TryGetExport(library.Handle, WorldSymbol, out _))
        {
            return OpenMpi(library.Handle);
        }

        // The standard ABI of MPI 5.0 has other numbers, whoever made the library.
        var standard = Path.GetFileName(library.Name).Contains("mpi_abi", StringComparison.Ordinal);
        if (!standard && MpichNames.Any(name => version.Contains(name, StringComparison.OrdinalIgnoreCase)))
        {
            return Mpich;
        }

        throw new InvalidOperationException(
            $"{library.Name} is an implementation of MPI that this library does not know: '{version.Split('\n')[0].Trim()}'{(standard ? " with the ABI of MPI 5.0" : "")}. " +
            $"Use MPICH, Intel MPI, MVAPICH or Open MPI; {MpiLibrary.Variable} names the file.");
    }

    private static MpiHandles OpenMpi(nint library)
    {
        return new(
            MpiFamily.OpenMpi, Address(WorldSymbol), Address("ompi_mpi_byte"), Address("ompi_mpi_float"), Address("ompi_mpi_double"), Address("ompi_mpi_op_sum"),
            Address("ompi_mpi_errors_return"), InPlace: 1);

        nint Address(string name) => NativeLibrary.GetExport(library, name);
    }
}
