using CsCheck;
using Microsoft.ML.NaturalGradient.Pruning;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Pruning;

[TestClass]
public sealed class FisherPruningTests
{
    private static readonly ScalarType Double = ScalarType.Float64;

    [TestMethod]
    public void BlockFisher_RandomRows_EqualsDenseInverseOfEachBlock() => Gen.Select(
        Gen.Int[1, 6], Gen.Int[1, 9], Gen.Int[1, 5], Gen.Double[0, 6]).Check(
        50,
        draw =>
        {
            var (samples, weights, blockSize, phase) = draw;
            using var scope = NewDisposeScope();
            var rows = Fixture.Sine(1, 1.7, phase, samples, weights);
            var vector = Fixture.Sine(1, 0.9, phase, weights);
            using var fisher = new BlockFisher(weights, blockSize, CPU);
            fisher.Add(rows[..1]);
            fisher.Add(rows[1..]);
            var squares = fisher.SquareSum();
            fisher.Invert(0.3);
            var dense = DenseInverse(rows, blockSize, 0.3);

            Assert.AreEqual(rows.square().sum().item<double>(), squares, 1e-12);
            Fixture.AssertClose(dense.diagonal(), fisher.InverseDiagonal());
            Fixture.AssertClose(dense.mv(vector), fisher.InverseTimes(vector));
        });

    [TestMethod]
    public void BlockFisher_OneBlock_EqualsRecursionOfWoodFisher()
    {
        using var scope = NewDisposeScope();
        var rows = Fixture.Sine(1, 1.7, 0.3, 6, 4);
        var inverse = eye(4, dtype: Double).div(0.3);
        for (var n = 0; n < 6; n++)
        {
            var moved = inverse.mv(rows[n]);
            inverse = inverse.sub(moved.outer(moved).div(rows[n].dot(moved).add(6)));
        }

        using var fisher = new BlockFisher(4, 50, CPU);
        fisher.Add(rows);
        fisher.Invert(0.3);

        Fixture.AssertClose(inverse.diagonal(), fisher.InverseDiagonal());
        Fixture.AssertClose(inverse.mv(rows[0]), fisher.InverseTimes(rows[0]));
    }

    [TestMethod]
    public void BlockFisher_ManyBlocks_EqualsDenseInverseOfEachBlock()
    {
        using var scope = NewDisposeScope();
        var rows = Fixture.Sine(1, 1.7, 0.3, 3, 2999); // 1,500 blocks, more than are taken at once
        using var fisher = new BlockFisher(2999, 2, CPU);

        fisher.Add(rows);
        fisher.Invert(0.3);

        var last = rows.narrow(1, 2996, 2);
        var inverse = linalg.inv(last.t().mm(last).div(3).add(eye(2, dtype: Double).mul(0.3)));
        Fixture.AssertClose(inverse.diagonal(), fisher.InverseDiagonal()[2996..2998]);
        Assert.AreEqual(1 / ((rows.select(1, 2998).square().mean().item<double>()) + 0.3), fisher.InverseDiagonal()[2998].item<double>(), 1e-12);
    }

    [TestMethod]
    [DataRow(PruningFisher.Ef)]
    [DataRow(PruningFisher.Ief)]
    public void Saliency_BothFishers_EqualsFormulaWithDenseInverse(PruningFisher fisher)
    {
        using var scope = NewDisposeScope();
        var (weights, gradients, norms) = Problem();
        var inverse = Inverse(gradients, norms, fisher);

        var saliency = FisherPruning.Saliency(weights, gradients, norms, new() { Fisher = fisher, BlockSize = 4, Damping = 0.1 });

        Fixture.AssertClose(weights.flatten().square().div(inverse.diagonal().mul(2)).view(2, 3), saliency);
    }

    [TestMethod]
    [DataRow(PruningFisher.Ef)]
    [DataRow(PruningFisher.Ief)]
    public void Prune_OneWeight_MovesOthersByTheOptimalUpdate(PruningFisher fisher)
    {
        using var scope = NewDisposeScope();
        var (weights, gradients, norms) = Problem();
        var inverse = Inverse(gradients, norms, fisher);
        var flat = weights.flatten().clone();
        var q = flat.square().div(inverse.diagonal()).argmin().item<long>();
        var expected = flat.sub(inverse.select(1, q).mul(flat[q]).div(inverse[q, q]));

        using var mask = FisherPruning.Prune(weights, gradients, norms, 1.0 / 6, new() { Fisher = fisher, BlockSize = 4, Damping = 0.1 });

        Assert.AreEqual(5, mask.sum().item<long>());
        Assert.AreEqual(0, weights.flatten()[q].item<double>());
        Fixture.AssertClose(expected, weights.flatten());
    }

    [TestMethod]
    public void Prune_WithoutCompensation_OnlyRemovesTheLeastSalient()
    {
        using var scope = NewDisposeScope();
        var (weights, gradients, norms) = Problem();
        var options = new PruningOptions { Compensate = false };
        var before = weights.clone();
        var saliency = FisherPruning.Saliency(weights, gradients, norms, options);
        var limit = saliency.flatten().sort().Values[2];

        using var mask = FisherPruning.Prune(weights, gradients, norms, 0.5, options);

        Assert.IsTrue(mask.equal(saliency.gt(limit)).all().item<bool>());
        Fixture.AssertClose(before.mul(mask.to(Double)), weights, 0, 0);
    }

    [TestMethod]
    public void Prune_SampleWithoutLogitGradient_CountsForNothing()
    {
        using var scope = NewDisposeScope();
        var (weights, gradients, norms) = Problem();
        gradients[0].zero_();
        norms[0] = tensor(0.0, dtype: Double);

        using var mask = FisherPruning.Prune(weights, gradients, norms, 0.5);

        Assert.IsTrue(weights.isfinite().all().item<bool>());
        Assert.AreEqual(3, mask.sum().item<long>());
    }

    [TestMethod]
    public void Prune_IllegalArguments_Throws()
    {
        using var scope = NewDisposeScope();
        var (weights, gradients, norms) = Problem();

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => FisherPruning.Prune(weights, gradients, norms, 1));
        Assert.ThrowsExactly<ArgumentException>(() => FisherPruning.Prune(weights, gradients[0], norms, 0.5));
        Assert.ThrowsExactly<ArgumentException>(() => FisherPruning.Prune(weights, gradients, norms[..2], 0.5));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => FisherPruning.Prune(weights, gradients, norms, 0.5, new() { Damping = 0 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => FisherPruning.Prune(weights, gradients, norms, 0.5, new() { BlockSize = 0 }));
    }

    [TestMethod]
    public void Prune_NumbersThatAreNone_ThrowsAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        var (weights, gradients, norms) = Problem();
        var before = weights.clone();
        var whole = ones_like(weights).to(ScalarType.Int32);

        Assert.ThrowsExactly<ArgumentException>(() => FisherPruning.Prune(whole, gradients, norms, 0.5));
        Assert.ThrowsExactly<ArgumentException>(() => FisherPruning.Prune(full_like(weights, double.NaN), gradients, norms, 0.5));
        Assert.ThrowsExactly<ArgumentException>(() => FisherPruning.Prune(zeros(0), zeros(3, 0), ones(3), 0.5));
        Assert.ThrowsExactly<ArgumentException>(() => FisherPruning.Prune(weights, gradients, norms.neg(), 0.5));
        Assert.ThrowsExactly<ArgumentException>(() => FisherPruning.Prune(weights, gradients, full_like(norms, double.NaN), 0.5));

        Assert.IsTrue(weights.eq(before).all().item<bool>());
        Assert.IsTrue(FisherPruning.Prune(weights, gradients, zeros_like(norms), 0.5).any().item<bool>());
    }

    [TestMethod]
    public void Saliency_WeightWithoutDimensions_IsThatOfOneOfLengthOne()
    {
        using var scope = NewDisposeScope();
        var (gradients, norms) = (tensor(new[] { 0.5, -2, 1 }), tensor(new[] { 0.3, 0.1, 0.2 }));

        var saliency = FisherPruning.Saliency(tensor(1.5), gradients, norms);

        Assert.AreEqual(0, saliency.dim());
        Assert.AreEqual(FisherPruning.Saliency(tensor(new[] { 1.5 }), gradients.unsqueeze(1), norms).item<double>(), saliency.item<double>());
    }

    [TestMethod]
    public void Prune_Repeated_LeavesNoTensors()
    {
        using var scope = NewDisposeScope();
        var (weights, gradients, norms) = Problem();
        FisherPruning.Prune(weights, gradients, norms, 0.2).Dispose();
        var before = LiveTensors.Settled();

        FisherPruning.Prune(weights, gradients, norms, 0.5).Dispose();

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    private static (Tensor Weights, Tensor Gradients, Tensor Norms) Problem() =>
        (Fixture.Sine(1, 1.3, 0.4, 2, 3), Fixture.Sine(1, 0.7, 0.2, 5, 2, 3), Fixture.Sine(0.5, 0.8, 1, 5).square().add(0.1));

    // Of the two blocks of four and two weights.
    private static Tensor Inverse(Tensor gradients, Tensor norms, PruningFisher fisher)
    {
        var rows = gradients.flatten(1);
        rows = fisher == PruningFisher.Ief ? rows.div(norms.sqrt().unsqueeze(1)) : rows;
        return DenseInverse(rows, 4, 0.1 * rows.square().mean().item<double>());
    }

    private static Tensor DenseInverse(Tensor rows, long blockSize, double damping)
    {
        var count = rows.shape[1];
        var block = arange(count, dtype: Double).div(blockSize).floor();
        var fisher = rows.t().mm(rows).div(rows.shape[0]).mul(block.unsqueeze(0).eq(block.unsqueeze(1)))
            .add(eye(count, dtype: Double).mul(damping));
        return linalg.inv(fisher);
    }
}
