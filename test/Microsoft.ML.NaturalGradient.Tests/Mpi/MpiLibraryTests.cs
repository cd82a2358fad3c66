using System.Runtime.InteropServices;
using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

[TestClass]
public sealed class MpiLibraryTests
{
    private static readonly Launcher Slurm = new("PMI_RANK", [MpiFamily.Mpich, MpiFamily.OpenMpi], null);

    // A library without the symbols of Open MPI.
    private static readonly MpiLibrary Loaded = new("/usr/lib/libmpi.so.12", NativeLibrary.GetMainProgramHandle());

    [TestMethod]
    public void Load_NoLibraryOfTheLauncher_SaysWhatWasLookedForAndWhatToInstall()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => MpiLibrary.Load(Slurm, null, family => [$"no-{family}.so.1", $"no-{family}.so.2"]));

        StringAssert.Contains(error.Message, "(PMI_RANK is set)");
        StringAssert.Contains(error.Message, "Looked for no-Mpich.so.1, no-Mpich.so.2, no-OpenMpi.so.1, no-OpenMpi.so.2.");
        StringAssert.Contains(error.Message, MpiLibrary.Variable);
        if (OperatingSystem.IsLinux())
        {
            StringAssert.Contains(error.Message, "apt-get install mpich");
            StringAssert.Contains(error.Message, "apt-get install openmpi-bin");
        }
    }

    [TestMethod]
    public void Load_FileThatIsNamed_IsTheOnlyOneTried()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => MpiLibrary.Load(Slurm, "/no/libmpi.so", _ => throw new AssertFailedException()));

        StringAssert.StartsWith(error.Message, $"{MpiLibrary.Variable} names '/no/libmpi.so', which cannot be loaded");
    }

    [TestMethod]
    [DataRow("MPICH Version:\t4.0.2\nMPICH Release date: ...")]
    [DataRow("Intel(R) MPI Library 2021.13 for Linux* OS\n")]
    [DataRow("MVAPICH2 Version      :\t2.3.7")]
    [DataRow("MVAPICH Version      :\t3.0")]
    [DataRow("Microsoft MPI 10.1.12498.18")]
    [DataRow("MPI VERSION    : CRAY MPICH version 8.1.29 (ANL base 3.4a2)")]
    public void Of_FamilyOfMpich_HasItsNumbers(string version) => Assert.AreSame(MpiHandles.Mpich, MpiHandles.Of(Loaded, version));

    [TestMethod]
    public void Of_AnotherImplementation_IsRefusedByName()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => MpiHandles.Of(Loaded, "HPE MPT 2.28  04/10/23\nmore"));

        StringAssert.Contains(error.Message, "/usr/lib/libmpi.so.12 is an implementation of MPI that this library does not know: 'HPE MPT 2.28  04/10/23'.");
    }

    [TestMethod]
    public void Of_StandardAbi_IsRefused()
    {
        var library = Loaded with { Name = "/usr/lib/libmpi_abi.so.0" };

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => MpiHandles.Of(library, "MPICH Version: 4.3.0"));

        StringAssert.Contains(error.Message, "with the ABI of MPI 5.0");
    }

    [TestMethod]
    public void Calls_LibraryThatIsNotMpi_IsRefused()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new MpiCalls(Loaded));

        StringAssert.Contains(error.Message, "/usr/lib/libmpi.so.12 has no function MPI_Get_library_version");
    }
}
