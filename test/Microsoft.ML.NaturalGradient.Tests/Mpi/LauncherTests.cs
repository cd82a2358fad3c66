using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

[TestClass]
public sealed class LauncherTests
{
    [TestMethod]
    [DataRow("OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK=0 PMIX_RANK=0", "OMPI_COMM_WORLD_SIZE", "OpenMpi", 3)]
    [DataRow("PMI_RANK=1 PMI_SIZE=2 MPI_LOCALNRANKS=2", "MPI_LOCALNRANKS", "Mpich", 2)]
    [DataRow("PMI_RANK=1 PMI_SIZE=2 MPI_LOCALNRANKS=1 SLURM_PROCID=1", "MPI_LOCALNRANKS", "Mpich", 2)]
    [DataRow("MV2_COMM_WORLD_SIZE=4", "MV2_COMM_WORLD_SIZE", "Mpich", 4)]
    [DataRow("SLURM_PROCID=1 PMI_RANK=1 PMI_SIZE=8", "PMI_SIZE", "Mpich OpenMpi", 8)]
    [DataRow("SLURM_PROCID=1 PMI_RANK=1", "PMI_RANK", "Mpich OpenMpi", null)]
    [DataRow("SLURM_PROCID=1 PMIX_RANK=1", "PMIX_RANK", "OpenMpi Mpich", null)]
    public void Detect_VariablesOfALauncher_AreRecognised(string environment, string variable, string families, int? size)
    {
        var launcher = Detect(environment);

        Assert.IsNotNull(launcher);
        Assert.AreEqual(variable, launcher.Variable);
        Assert.AreEqual(families, string.Join(' ', launcher.Families));
        Assert.AreEqual(size, launcher.Size);
    }

    [TestMethod]
    [DataRow("PATH=/bin")]
    [DataRow("SLURM_PROCID=0 SLURM_NTASKS=2")] // a batch script of Slurm, which starts no MPI by itself
    [DataRow("PMI_SIZE=")]
    public void Detect_ProcessStartedAlone_HasNone(string environment) => Assert.IsNull(Detect(environment));

    private static Launcher? Detect(string environment) =>
        Launcher.Detect(environment.Split(' ').Select(text => text.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]).GetValueOrDefault);
}
