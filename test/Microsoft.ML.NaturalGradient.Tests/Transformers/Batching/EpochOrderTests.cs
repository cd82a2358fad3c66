using CsCheck;
using Microsoft.ML.NaturalGradient.Batching;

namespace Microsoft.ML.NaturalGradient.Tests.Batching;

[TestClass]
public sealed class EpochOrderTests
{
    [TestMethod]
    public void Rows_AnySizes_EveryRowOnce() =>
        Gen.Select(Gen.Int[0, 60].Array[0, 400], Gen.Int[1, 40], Gen.Int, Gen.Int[0, 50], Gen.Bool).Check(
            500,
            draw =>
            {
                var (lengths, batchSize, seed, epoch, bucket) = draw;
                return new EpochOrder(lengths, batchSize, seed, bucket).Rows(epoch).Order().SequenceEqual(Enumerable.Range(0, lengths.Length));
            });

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Rows_SameSeedAndEpoch_SameOrder(bool bucket)
    {
        var first = new EpochOrder(Lengths(500), 8, 7, bucket).Rows(3);
        var second = new EpochOrder(Lengths(500), 8, 7, bucket).Rows(3);

        CollectionAssert.AreEqual(first, second);
    }

    [TestMethod]
    [DataRow(7, 4)]
    [DataRow(8, 3)]
    public void Rows_OtherSeedOrEpoch_OtherOrder(int seed, int epoch)
    {
        var order = new EpochOrder(Lengths(500), 8, 7, true).Rows(3);
        var other = new EpochOrder(Lengths(500), 8, seed, true).Rows(epoch);

        var equalPlaces = order.Zip(other).Count(pair => pair.First == pair.Second);
        Fixture.AssertLess(25, equalPlaces); // one is expected by chance
    }

    [TestMethod]
    public void Rows_Bucketed_PadsLittleAndMixesBatches()
    {
        var lengths = Lengths(2000);
        var order = new EpochOrder(lengths, 16, 1, true);
        var plain = new EpochOrder(lengths, 16, 1, false);

        var batches = order.Rows(0).Chunk(16).ToArray();

        Fixture.AssertLess(0.35 * Padding(plain.Rows(0), lengths, 16), Padding(order.Rows(0), lengths, 16));
        // Neighbours of row 0 change from epoch to epoch: 40 epochs show it to most rows of similar length.
        var neighbours = Enumerable.Range(0, 40)
            .SelectMany(epoch => order.Rows(epoch).Chunk(16).First(batch => batch.Contains(0))).Distinct().Count();
        Assert.IsGreaterThan(100, neighbours);
        // Batches do not come sorted.
        var maxima = batches.Select(batch => batch.Max(row => lengths[row])).ToArray();
        Assert.IsGreaterThan(30, maxima.Zip(maxima.Skip(1)).Count(pair => pair.First > pair.Second));
    }

    [TestMethod]
    public void Rows_FewerThanFourWindows_StaysRandom()
    {
        // Every row in order of length would put the same rows together each epoch.
        var order = new EpochOrder([.. Enumerable.Range(0, 64)], 16, 1, true);

        var neighbours = Enumerable.Range(0, 30)
            .SelectMany(epoch => order.Rows(epoch).Chunk(16).First(batch => batch.Contains(0))).Distinct().Count();

        Assert.AreEqual(64, neighbours);
    }

    [TestMethod]
    public void Rows_Remainder_ComesLastAndIsNotSorted()
    {
        var lengths = Enumerable.Range(0, 1005).ToArray();
        var order = new EpochOrder(lengths, 10, 5, true);

        var means = Enumerable.Range(0, 60).Select(epoch => order.Rows(epoch).TakeLast(5).Average()).ToArray();

        Assert.AreEqual(502, means.Average(), 60); // standard error of the mean of 300 rows: 17
    }

    private static int[] Lengths(int count)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(_ => 4 + (int)(60 * Math.Pow(random.NextDouble(), 3)))];
    }

    private static double Padding(int[] rows, int[] lengths, int batchSize) =>
        rows.Chunk(batchSize).Sum(batch => batch.Max(row => lengths[row]) * batch.Length - batch.Sum(row => lengths[row]));
}
