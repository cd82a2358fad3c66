using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Processes that an MPI launcher started: <c>mpiexec -n 4 dotnet MyProgram.dll</c>.</summary>
/// <remarks>
/// MPICH, Intel MPI, MVAPICH and Open MPI, recognised by the launcher that started the process and by their library. The environment variable
/// <c>NATURALGRADIENT_MPI_LIBRARY</c> names another file than the usual ones.
/// </remarks>
public static class Mpi
{
    private static readonly Lazy<ICollective> TheWorld = new(Open);

    /// <summary>All processes of the program.</summary>
    /// <value>A process that no launcher started is one of one, and needs no MPI; its <see cref="ICollective.Abort"/> throws.</value>
    /// <remarks>
    /// The first use initialises MPI (<c>MPI_THREAD_SERIALIZED</c>); any thread may call, one at a time. MPI is finalised when the process ends well. A process that ends
    /// with an exit code other than zero, or by an exception that nobody catches, ends the others too, which would wait for it.
    /// </remarks>
    /// <exception cref="InvalidOperationException">A launcher started the process, but no library of MPI fits it, or MPI could not be initialised.</exception>
    public static ICollective World => TheWorld.Value;

    private static ICollective Open() => Launcher.Detect(Environment.GetEnvironmentVariable) is { } launcher
        ? MpiWorld.Open(launcher, Environment.GetEnvironmentVariable(MpiLibrary.Variable))
        : new SingleWorld();
}
