using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Batching;

[TestClass]
public sealed class TokenBatchSourceTests
{
    private const int PadId = 9;

    [TestMethod]
    public void Collate_DifferentLengths_PadsAtTheEnd()
    {
        using var batch = TokenBatchSource.Collate(
            [new TokenSequence([1, 2], null, false), new TokenSequence([3, 4, 5, 6], [0, 0, 1, 1], false)], PadId, CPU);

        Assert.AreEqual(2, batch.SampleCount);
        Assert.AreEqual("2,4", string.Join(',', batch.Ids.shape));
        Assert.AreEqual($"1,2,{PadId},{PadId},3,4,5,6", string.Join(',', Values(batch.Ids)));
        Assert.AreEqual("1,1,0,0,1,1,1,1", string.Join(',', Values(batch.Mask)));
        Assert.AreEqual("0,0,0,0,0,0,1,1", string.Join(',', Values(batch.TypeIds)));
    }

    [TestMethod]
    public void Collate_InsideDisposeScope_OutlivesIt()
    {
        TokenBatch batch;

        using (NewDisposeScope())
        {
            batch = TokenBatchSource.Collate([new TokenSequence([1], null, false)], PadId, CPU);
        }

        Assert.IsFalse(batch.Ids.IsInvalid || batch.Mask.IsInvalid || batch.TypeIds.IsInvalid);
        batch.Dispose();
    }

    [TestMethod]
    public void Passes_AllBatchesDisposed_LeaveNoTensors()
    {
        var source = Source(25, 4, seed: 1);
        var before = LiveTensors.Settled();

        using (NewDisposeScope())
        {
            foreach (var batch in source.Shuffled(0).Concat(source.Ordered()))
            {
                Assert.AreEqual(before + 4, Tensor.TotalCount);
                batch.Dispose();
            }
        }

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    [DataRow(25, 4, 7)]
    [DataRow(24, 4, 6)]
    [DataRow(3, 8, 1)]
    [DataRow(0, 8, 0)]
    [DataRow(3, int.MaxValue, 1)]
    [DataRow(0, int.MaxValue, 0)]
    public void Shuffled_EachEpoch_EveryRowOnceInSameNumberOfBatches(int rows, int batchSize, int batches)
    {
        var source = Source(rows, batchSize, seed: 1);

        for (var epoch = 0; epoch < 3; epoch++)
        {
            var read = Read(source.Shuffled(epoch));
            Assert.HasCount(batches, read);
            CollectionAssert.AreEqual(Enumerable.Range(0, rows).ToArray(), read.SelectMany(batch => batch).Order().ToArray());
            Assert.IsTrue(read.SkipLast(1).All(batch => batch.Length == batchSize));
        }

        Assert.AreEqual(batches, source.BatchCount);
        Assert.AreEqual(rows, source.SampleCount);
    }

    [TestMethod]
    public void Shuffled_LargestBatchSizeAfterTheLastBatch_IsEmpty() => Assert.IsEmpty(Read(Source(3, int.MaxValue, seed: 1).Shuffled(0, first: 2)));

    [TestMethod]
    public void Shuffled_SeedAndEpoch_DecideTheOrder()
    {
        var order = Flat(Source(100, 4, seed: 1).Shuffled(2));

        CollectionAssert.AreEqual(order, Flat(Source(100, 4, seed: 1).Shuffled(2)));
        CollectionAssert.AreNotEqual(order, Flat(Source(100, 4, seed: 1).Shuffled(3)));
        CollectionAssert.AreNotEqual(order, Flat(Source(100, 4, seed: 2).Shuffled(2)));
        CollectionAssert.AreNotEqual(order, Flat(Source(100, 4, seed: 1, bucketByLength: false).Shuffled(2)));
    }

    [TestMethod]
    public void Ordered_AnyPass_SameOrderFromShortToLong()
    {
        var source = Source(25, 4, seed: 1);

        var order = Flat(source.Ordered());

        CollectionAssert.AreEqual(order, Flat(source.Ordered()));
        CollectionAssert.AreEqual(order.OrderBy(LengthOf).ThenBy(row => row).ToArray(), order);
    }

    [TestMethod]
    public void Shuffled_Labels_BelongToTheirRows()
    {
        foreach (var batch in Source(25, 4, seed: 1).Shuffled(0))
        {
            using (batch)
            {
                // The first id of a row is its label, see Source.
                var firstIds = Values(((TokenBatch)batch.Input).Ids[.., 0].contiguous());
                CollectionAssert.AreEqual(firstIds, Values(batch.Labels));
                Assert.AreEqual(ScalarType.Int64, batch.Labels.dtype);
            }
        }
    }

    [TestMethod]
    public void Constructor_BatchSizeZero_Throws() =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Source(3, 0, seed: 1));

    private static int LengthOf(int row) => 1 + row * 7 % 11;

    private static TokenBatchSource Source(int count, int batchSize, int seed, bool bucketByLength = true) => new(
        [.. Enumerable.Range(0, count).Select(row => new EncodedRow(
            new TokenSequence([.. Enumerable.Repeat(row, LengthOf(row))], null, false), row))],
        batchSize,
        PadId,
        CPU,
        seed,
        bucketByLength: bucketByLength);

    private static List<int[]> Read(IEnumerable<LabeledBatch> batches)
    {
        var read = new List<int[]>();
        foreach (var batch in batches)
        {
            using (batch)
            {
                read.Add(Array.ConvertAll(Values(batch.Labels), label => (int)label));
            }
        }

        return read;
    }

    private static int[] Flat(IEnumerable<LabeledBatch> batches) => [.. Read(batches).SelectMany(batch => batch)];

    private static long[] Values(Tensor tensor) => [.. tensor.data<long>()];
}
