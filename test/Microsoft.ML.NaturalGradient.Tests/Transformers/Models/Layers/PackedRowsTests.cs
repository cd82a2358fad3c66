using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

[TestClass]
public sealed class PackedRowsTests
{
    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    [DataRow("electra")]
    public void HiddenStates_WithoutGradients_ArePackedAndEqualThoseOfThePaddedBatch(string name)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var batch = Batch([9, 2, 5, 3]);
        var padded = stack([.. classifier.Encoder.HiddenStates(batch)]); // with gradients: never packed
        using var noGrad = no_grad();

        var packed = stack([.. classifier.Encoder.HiddenStates(batch)]);

        var isRead = batch.Mask.eq(1).unsqueeze(-1);
        Fixture.AssertClose(padded.mul(isRead), packed.mul(isRead), 1e-12, 1e-14);
        Assert.AreEqual(0, packed[^1].masked_select(isRead.logical_not().expand(packed[^1].shape)).abs().sum().item<double>(), "padding is not computed");
        Assert.AreNotEqual(0, padded[^1].masked_select(isRead.logical_not().expand(packed[^1].shape)).abs().sum().item<double>());
    }

    [TestMethod]
    public void Of_Packed_GivesTheTokensBackInPlace()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var batch = Batch([4, 1, 2]);
        var states = rand(3, 4, 8, dtype: ScalarType.Float64);

        var rows = PackedRows.Of(batch, states)!;
        var packed = rows.Pack(states);

        CollectionAssert.AreEqual(new long[] { 1, 7, 8 }, packed.shape);
        Fixture.AssertClose(cat([states[0], states[1, ..1], states[2, ..2]]).unsqueeze(0), packed, 0);
        Fixture.AssertClose(states.mul(batch.Mask.unsqueeze(-1)), rows.Unpack(packed, states), 0);
        var hidden = rows.Mask[0, 0].lt(0).to(ScalarType.Int64); // [7, 7]
        var own = zeros(7, 7, dtype: ScalarType.Int64);
        own[..4, ..4] = own[4..5, 4..5] = own[5.., 5..] = tensor(1L);
        Fixture.AssertClose(tensor(1L).sub(own), hidden, 0);
    }

    [TestMethod]
    public void Of_NothingGained_IsNull()
    {
        using var scope = NewDisposeScope();
        using var full = Batch([4, 4]);
        using var padded = Batch([4, 1]);
        using var almostFull = Batch([.. Enumerable.Repeat(200, 31), 190]);
        Assert.IsNull(PackedRows.Of(padded, rand(2, 4, 8)), "with gradients each row is a sample");
        using var noGrad = no_grad();

        Assert.IsNull(PackedRows.Of(full, rand(2, 4, 8)));
        Assert.IsNotNull(PackedRows.Of(padded, rand(2, 4, 8)));
        Assert.IsNull(PackedRows.Of(almostFull, rand(32, 200, 8)), "attention between all tokens costs more than ten tokens of padding");
    }

    private static TokenBatch Batch(params int[] lengths)
    {
        var width = lengths.Max();
        var mask = tensor(lengths.SelectMany(length => Enumerable.Range(0, width).Select(place => place < length ? 1L : 0)).ToArray()).view(lengths.Length, width);
        var ids = arange(lengths.Length * width, dtype: ScalarType.Int64).view(lengths.Length, width).remainder(tensor(40L)).add(tensor(5L)).mul(mask);
        return new TokenBatch(ids, mask, zeros_like(ids), isPadded: lengths.Min() < width);
    }
}
