namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>Implementations of MPI that tests run with, where they are installed.</summary>
public enum MpiImplementation
{
    Mpich,
    OpenMpi,
}
