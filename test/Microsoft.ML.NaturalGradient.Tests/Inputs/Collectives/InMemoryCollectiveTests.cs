using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Tests.Collectives;

[TestClass]
public sealed class InMemoryCollectiveTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void AllReduce_NumbersOfAllRanks_AreAddedInTheirOrder(int size)
    {
        var doubles = new double[size][];
        var floats = new float[size][];

        InMemoryCollective.Run(size, collective =>
        {
            doubles[collective.Rank] = [.. Enumerable.Range(0, 7).Select(i => Value(collective.Rank, i))];
            floats[collective.Rank] = [.. doubles[collective.Rank].Select(value => (float)value)];
            collective.AllReduce(doubles[collective.Rank]);
            collective.AllReduce(floats[collective.Rank]);
        });

        for (var rank = 0; rank < size; rank++)
        {
            CollectionAssert.AreEqual(Enumerable.Range(0, 7).Select(i => Enumerable.Range(0, size).Aggregate(0d, (sum, r) => sum + Value(r, i))).ToArray(), doubles[rank]);
            CollectionAssert.AreEqual(Enumerable.Range(0, 7).Select(i => Enumerable.Range(0, size).Aggregate(0f, (sum, r) => sum + (float)Value(r, i))).ToArray(), floats[rank]);
        }

        static double Value(int rank, int place) => Math.Sin((10 * rank) + place + 1);
    }

    [TestMethod]
    public void AllGather_UnevenPieces_AreInTheOrderOfTheRanks()
    {
        int[] counts = [2, 0, 3];
        var gathered = new byte[3][];

        InMemoryCollective.Run(3, collective =>
        {
            gathered[collective.Rank] = new byte[5];
            collective.AllGather(Enumerable.Repeat((byte)(collective.Rank + 1), counts[collective.Rank]).ToArray(), gathered[collective.Rank], counts);
        });

        foreach (var all in gathered)
        {
            CollectionAssert.AreEqual(new byte[] { 1, 1, 3, 3, 3 }, all);
        }
    }

    [TestMethod]
    public void AllToAll_UnevenPieces_ReachTheirRank()
    {
        var received = new byte[3][];

        InMemoryCollective.Run(3, collective =>
        {
            // r has r + to bytes for each.
            var (rank, ranks) = (collective.Rank, Enumerable.Range(0, 3));
            int[] counts = [.. ranks.Select(other => rank + other)];
            received[rank] = new byte[counts.Sum()];
            collective.AllToAll(ranks.SelectMany(to => Enumerable.Repeat((byte)((10 * rank) + to), rank + to)).ToArray(), counts, received[rank], counts);
        });

        CollectionAssert.AreEqual(new byte[] { 10, 20, 20 }, received[0]);
        CollectionAssert.AreEqual(new byte[] { 1, 11, 11, 21, 21, 21 }, received[1]);
        CollectionAssert.AreEqual(new byte[] { 2, 2, 12, 12, 12, 22, 22, 22, 22 }, received[2]);
    }

    [TestMethod]
    public void Broadcast_FromOneRank_ReachesAll() => InMemoryCollective.Run(3, collective =>
    {
        var values = new[] { collective.Rank + 1.5, 2 };

        collective.Broadcast(MemoryMarshal.AsBytes(values.AsSpan()), 2);

        CollectionAssert.AreEqual(new[] { 3.5, 2 }, values);
    });

    [TestMethod]
    public void Barrier_ManyTimes_HoldsNobodyForever()
    {
        var count = 0;

        InMemoryCollective.Run(4, collective =>
        {
            for (var turn = 0; turn < 1000; turn++)
            {
                Interlocked.Increment(ref count);
                collective.Barrier();
                Assert.AreEqual(4 * (turn + 1), Volatile.Read(ref count));
                collective.Barrier();
            }
        });

        Assert.AreEqual(4000, count);
    }

    [TestMethod]
    public void Run_OneThrows_FreesTheOthersAndRethrows()
    {
        var freed = 0;

        var thrown = Assert.ThrowsExactly<FormatException>(() => InMemoryCollective.Run(3, collective =>
        {
            if (collective.Rank == 1)
            {
                throw new FormatException("bad row");
            }

            Assert.ThrowsExactly<OperationCanceledException>(collective.Barrier);
            Interlocked.Increment(ref freed);
        }));

        Assert.AreEqual("bad row", thrown.Message);
        Assert.AreEqual(2, freed);
    }

    [TestMethod]
    public void Abort_ByOne_FreesTheOthers()
    {
        var thrown = Assert.ThrowsExactly<InvalidOperationException>(() => InMemoryCollective.Run(3, collective =>
        {
            if (collective.Rank == 2)
            {
                collective.Abort("the loss is not a number.");
            }

            collective.Barrier();
        }));

        Assert.AreEqual("Process 2 of 3: the loss is not a number.", thrown.Message);
    }

    [TestMethod]
    public void Run_OneReturnsEarly_IsAnError() => Assert.ThrowsExactly<InvalidOperationException>(() => InMemoryCollective.Run(2, collective =>
    {
        if (collective.Rank == 1)
        {
            collective.Barrier();
        }
    }));

    [TestMethod]
    public void Run_DifferentOperations_IsAnErrorThatNamesThem()
    {
        var thrown = Assert.ThrowsExactly<InvalidOperationException>(() => InMemoryCollective.Run(2, collective =>
        {
            if (collective.Rank == 1)
            {
                collective.AllReduce(new double[2]);
            }
            else
            {
                collective.AllReduce(new double[3]);
            }
        }));

        StringAssert.Contains(thrown.Message, "AllReduce of doubles (3)");
        StringAssert.Contains(thrown.Message, "AllReduce of doubles (2)");
    }

    [TestMethod]
    public void AllGather_CountsThatDoNotFit_IsAnError() =>
        Assert.ThrowsExactly<ArgumentException>(() => InMemoryCollective.Run(2, collective => collective.AllGather(new byte[1], new byte[3], [1, 1])));
}
