using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

[TestClass]
public sealed class RelativePositionBiasTests
{
    // 32 buckets to distance 128: 8 exact ones for each direction, then 8 + floor(2·log2(distance / 8)), at most 15.
    [TestMethod]
    [DataRow(0, 0)]
    [DataRow(7, 7)]
    [DataRow(8, 8)]
    [DataRow(11, 8)]
    [DataRow(12, 9)]
    [DataRow(15, 9)]
    [DataRow(16, 10)]
    [DataRow(22, 10)]
    [DataRow(23, 11)]
    [DataRow(31, 11)]
    [DataRow(32, 12)]
    [DataRow(45, 12)]
    [DataRow(46, 13)]
    [DataRow(63, 13)]
    [DataRow(64, 14)]
    [DataRow(90, 14)]
    [DataRow(91, 15)]
    [DataRow(128, 15)]
    [DataRow(100000, 15)]
    public void Bucket_BothWays_HasEqualHalves(int distance, int expected)
    {
        Assert.AreEqual(expected, RelativePositionBias.Bucket(-distance, 32, 128, bothWays: true));
        Assert.AreEqual(distance == 0 ? 0 : 16 + expected, RelativePositionBias.Bucket(distance, 32, 128, bothWays: true));
    }

    // 16 exact ones, then 16 + floor(16 · log(distance / 16) / log 8), at most 31.
    [TestMethod]
    [DataRow(0, 0)]
    [DataRow(15, 15)]
    [DataRow(16, 16)]
    [DataRow(18, 16)]
    [DataRow(19, 17)]
    [DataRow(20, 17)]
    [DataRow(21, 18)]
    [DataRow(112, 30)]
    [DataRow(113, 31)]
    [DataRow(500, 31)]
    public void Bucket_BackwardOnly_HasAllBuckets(int distance, int expected)
    {
        Assert.AreEqual(expected, RelativePositionBias.Bucket(-distance, 32, 128, bothWays: false));
        Assert.AreEqual(0, RelativePositionBias.Bucket(distance, 32, 128, bothWays: false));
    }

    [TestMethod]
    public void Bias_FourTokens_PutsQueriesInRows()
    {
        using var bias = new RelativePositionBias(rows: 9, heads: 3, buckets: 8, farthest: 16, bothWays: true);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        bias.parameters().Single().copy_(Fixture.Sine(1, 0.8, 0.3, 9, 3));

        var result = bias.Bias(5, 4);

        CollectionAssert.AreEqual(new long[] { 1, 3, 4, 4 }, result.shape);
        for (var query = 0; query < 4; query++)
        {
            for (var key = 0; key < 4; key++)
            {
                var bucket = RelativePositionBias.Bucket(key - query, 8, 16, bothWays: true);
                Assert.AreEqual((float)Math.Sin((0.8 * ((bucket * 3) + 2)) + 0.3), result[0, 2, query, key].item<float>(), 1e-6);
            }
        }
    }
}
