using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>One process of one, and the checks of arguments, which those of MPI share.</summary>
[TestClass]
public sealed class SingleWorldTests
{
    private readonly SingleWorld _world = new();

    [TestMethod]
    public void World_ProcessWithoutLauncher_IsTheSameOneOfOneEachTime()
    {
        if (Launcher.Detect(Environment.GetEnvironmentVariable) is not null)
        {
            Assert.Inconclusive("The tests themselves were started by an MPI launcher.");
        }

        var world = Mpi.World;

        Assert.AreEqual((0, 1), (world.Rank, world.Size));
        Assert.AreSame(world, Mpi.World);
    }

    [TestMethod]
    public void EveryOperation_OneProcess_GivesItsOwn()
    {
        double[] doubles = [1, 2];
        float[] floats = [3];
        byte[] bytes = [4, 5];
        var gathered = new byte[2];
        var exchanged = new byte[2];

        _world.AllReduce(doubles);
        _world.AllReduce(floats);
        _world.AllGather(bytes, gathered, [2]);
        _world.AllToAll(bytes, [2], exchanged, [2]);
        _world.Broadcast(bytes, 0);
        _world.Barrier();

        CollectionAssert.AreEqual(new double[] { 1, 2 }, doubles);
        CollectionAssert.AreEqual(new float[] { 3 }, floats);
        CollectionAssert.AreEqual(new byte[] { 4, 5 }, gathered);
        CollectionAssert.AreEqual(new byte[] { 4, 5 }, exchanged);
        CollectionAssert.AreEqual(new byte[] { 4, 5 }, bytes);
    }

    [TestMethod]
    public void Abort_OneProcess_ThrowsTheReason()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => _world.Abort("The loss is not a number."));

        Assert.AreEqual("The loss is not a number.", error.Message);
    }

    [TestMethod]
    [DataRow(2, 2, new[] { 2, 0 }, "counts has 2 entries for 1 processes. Pass one for each.")]
    [DataRow(2, 2, new[] { -1 }, "counts[0] is -1. Pass zero or more bytes.")]
    [DataRow(2, 2, new[] { 3 }, "all has 2 bytes, and counts add up to 3.")]
    [DataRow(1, 2, new[] { 2 }, "The own piece has 1 bytes, and counts says 2 for process 0.")]
    public void AllGather_SizesThatDoNotFit_AreNamed(int own, int all, int[] counts, string message)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => _world.AllGather(new byte[own], new byte[all], counts));

        StringAssert.StartsWith(error.Message, message);
    }

    [TestMethod]
    [DataRow(2, new[] { 2 }, 1, new[] { 2 }, "received has 1 bytes, and receivedCounts add up to 2.")]
    [DataRow(1, new[] { 2 }, 2, new[] { 2 }, "sent has 1 bytes, and sentCounts add up to 2.")]
    [DataRow(1, new[] { 1 }, 2, new[] { 2 }, "Process 0 sends itself 1 bytes and expects 2.")]
    public void AllToAll_SizesThatDoNotFit_AreNamed(int sent, int[] sentCounts, int received, int[] receivedCounts, string message)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => _world.AllToAll(new byte[sent], sentCounts, new byte[received], receivedCounts));

        StringAssert.StartsWith(error.Message, message);
    }

    [TestMethod]
    public void AllGather_SameMemory_IsRefused()
    {
        var bytes = new byte[2];

        Assert.ThrowsExactly<ArgumentException>(() => _world.AllGather(bytes, bytes, [2]));
    }

    [TestMethod]
    [DataRow(-1)]
    [DataRow(1)]
    public void Broadcast_RootThatIsNoRank_IsRefused(int root) => Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _world.Broadcast(new byte[1], root));
}
