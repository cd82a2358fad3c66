namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>Implementations of MPI, by what a handle is in their C interface.</summary>
internal enum MpiFamily
{
    /// <summary>MPICH, and what is compatible with it by agreement: Intel MPI, MVAPICH, Cray MPICH; Microsoft MPI. A handle is a number.</summary>
    Mpich,

    /// <summary>Open MPI and what is made from it. A handle is the address of a variable of the library.</summary>
    OpenMpi,
}
