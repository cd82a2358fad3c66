using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>What started this process as one of several, known by the environment variables that it sets.</summary>
/// <param name="Variable">The variable that it was recognised by.</param>
/// <param name="Families">Implementations of MPI that it starts, the likelier first.</param>
/// <param name="Size">How many processes it started; null where it does not say.</param>
internal sealed record Launcher(string Variable, IReadOnlyList<MpiFamily> Families, int? Size)
{
    // PMI is the protocol of MPICH's launchers, which Slurm speaks too, and PMIx that of Open MPI's: MPI_LOCALNRANKS tells that it is MPICH's own.
    private static readonly (string Variable, MpiFamily[] Families)[] Known =
    [
        ("OMPI_COMM_WORLD_SIZE", [MpiFamily.OpenMpi]),
        ("MV2_COMM_WORLD_SIZE", [MpiFamily.Mpich]),
        ("MPI_LOCALNRANKS", [MpiFamily.Mpich]),
        ("PMI_SIZE", [MpiFamily.Mpich, MpiFamily.OpenMpi]),
        ("PMI_RANK", [MpiFamily.Mpich, MpiFamily.OpenMpi]),
        ("PMIX_RANK", [MpiFamily.OpenMpi, MpiFamily.Mpich]),
    ];

    /// <summary>Recognises what started a process.</summary>
    /// <param name="variable">Gives the value of one of its environment variables, null where there is none.</param>
    /// <returns>The launcher; null for a process that was started alone.</returns>
    public static Launcher? Detect(Func<string, string?> variable)
    {
        foreach (var (name, families) in Known)
        {
            if (!string.IsNullOrEmpty(variable(name)))
            {
                var size = name.EndsWith("_SIZE", StringComparison.Ordinal) ? name : "PMI_SIZE";
                return new(name, families, int.TryParse(variable(size), NumberStyles.None, CultureInfo.InvariantCulture, out var said) ? said : null);
            }
        }

        return null;
    }
}
