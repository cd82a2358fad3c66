using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

[TestClass]
public sealed class RelativePositionsTests
{
    [TestMethod]
    public void Rows_SizesOfPublishedModels_AreSingleThenLogarithmicThenTheLast()
    {
        using var scope = NewDisposeScope();
        var rows = new RelativePositions(256, 512).Rows(512, CPU); // [T, T]

        // ceil(log(d / 128) / log(511 / 128) · 127) + 128, worked out by hand for the far distances.
        foreach (var (distance, bucket) in new[] { (0, 0), (1, 1), (127, 127), (128, 128), (129, 129), (200, 169), (256, 192), (400, 233), (511, 255) })
        {
            Assert.AreEqual(256 + bucket, rows[511, 511 - distance].item<long>(), $"distance {distance}");
            Assert.AreEqual(256 - bucket, rows[511 - distance, 511].item<long>(), $"distance -{distance}");
        }

        Assert.AreEqual(256L, rows.diagonal().max().item<long>());
        Assert.IsTrue(rows[1..].narrow(1, 1, 511).eq(rows[..511].narrow(1, 0, 511)).all().item<bool>());
    }

    [TestMethod]
    public void Rows_WithoutBuckets_AreClampedDistances()
    {
        using var scope = NewDisposeScope();
        var rows = new RelativePositions(null, 3).Rows(6, CPU);

        CollectionAssert.AreEqual(new long[] { 3, 2, 1, 0, 0, 0 }, rows[0].data<long>().ToArray());
        CollectionAssert.AreEqual(new long[] { 5, 5, 5, 5, 4, 3 }, rows[5].data<long>().ToArray());
    }
}
