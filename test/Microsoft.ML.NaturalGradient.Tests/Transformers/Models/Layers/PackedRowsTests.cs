using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

/// <summary>Rows without their padding against the padded batch, float64; that they are right is what tests of encoders say, whose batches are packed.</summary>
[TestClass]
public sealed class PackedRowsTests
{
    private static readonly int[] Lengths = [9, 2, 5, 3];

    private static readonly Dictionary<string, AdapterOptions> Adapted = new()
    {
        ["lora"] = Adapters.LoRA with { Rank = 2, TargetModules = LoraOptions.AllLinear },
        ["dora, dropout"] = Adapters.LoRA with { Rank = 2, UseDoRA = true, Dropout = 0.3 },
        ["biases"] = Adapters.BiasOnly,
        ["all"] = Adapters.Full,
        ["prompt"] = Adapters.PromptTuning with { TokenCount = 2 },
    };

    public static IEnumerable<object[]> Encoders => EncoderFixture.OfTexts.Where(row => row[0] is not "nas-bert"); // convolutions read neighbours

    public static IEnumerable<object[]> EncodersAndAdapters => Encoders.SelectMany(row => Adapted.Keys.Select(adapter => new[] { row[0], adapter }))
        .Where(row => row is not ["modernbert", "biases"]); // has none

    [TestMethod]
    [DynamicData(nameof(Encoders))]
    public void HiddenStates_PaddedBatch_LeaveThePaddingOut(string name)
    {
        using var scope = NewDisposeScope();
        using var classifier = new EncoderFixture(name).CreateClassifier();
        using var batch = Batch(Lengths);
        var isPadding = batch.Mask.eq(0).unsqueeze(-1);

        var last = classifier.Encoder.HiddenStates(batch)[^1];

        Assert.AreEqual(0, last.mul(isPadding).abs().sum().item<double>());
        using var padded = PackedRows.Forbid();
        Assert.AreNotEqual(0, classifier.Encoder.HiddenStates(batch)[^1].mul(isPadding).abs().sum().item<double>());
    }

    [TestMethod]
    [DynamicData(nameof(EncodersAndAdapters))]
    public void PerSampleGradients_PackedBatch_AreThoseOfThePaddedBatch(string name, string adapter)
    {
        using var scope = NewDisposeScope();
        var packed = Gradients(name, adapter, isForbidden: false);

        var padded = Gradients(name, adapter, isForbidden: true);

        foreach (var (actual, expected) in packed.Zip(padded))
        {
            Fixture.AssertClose(expected, actual, 1e-10, 1e-13);
        }
    }

    [TestMethod]
    public void Of_Packed_GivesTheTokensBackInPlace()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var batch = Batch([4, 1, 2]);
        var states = rand(3, 4, 8, dtype: ScalarType.Float64);

        var rows = PackedRows.Of(batch.Mask)!;
        var packed = rows.Pack(states);

        CollectionAssert.AreEqual(new long[] { 1, 7, 8 }, packed.shape);
        Fixture.AssertClose(cat([states[0], states[1, ..1], states[2, ..2]]).unsqueeze(0), packed, 0);
        Fixture.AssertClose(states.mul(batch.Mask.unsqueeze(-1)), rows.Unpack(packed), 0);
        CollectionAssert.AreEqual(states.shape, rows.ShapeApart(packed.shape));
    }

    [TestMethod]
    public void Of_LittlePaddingOrForbidden_IsNull()
    {
        using var scope = NewDisposeScope();
        using var full = Batch([4, 4]);
        using var padded = Batch([4, 1]);
        using var almostFull = Batch([.. Enumerable.Repeat(200, 31), 190]);

        Assert.IsNull(full.Packed());
        Assert.IsNull(almostFull.Packed());
        Assert.IsNotNull(padded.Packed());
        using (PackedRows.Forbid())
        {
            Assert.IsNull(padded.Packed());
            using var still = PackedRows.Forbid(false);
            Assert.IsNull(padded.Packed());
        }

        Assert.IsNotNull(padded.Packed());
    }

    [TestMethod]
    public void UnpackOnce_OfWhatSeveralLayersRead_IsMadeOnceAndGoesWithTheRows()
    {
        var before = LiveTensors.Settled();
        using (NewDisposeScope())
        {
            using var batch = Batch(Lengths);
            var states = rand(4, 9, 8);
            var read = batch.Packed()!.Pack(states);
            using var rows = batch.Packed()!.Keep();

            var first = rows.UnpackOnce(read, read.alias());

            Assert.AreSame(first, rows.UnpackOnce(read, read.alias()));
            Assert.AreNotSame(first, rows.UnpackOnce(states, read.alias()));
            Assert.IsTrue(first.Equals(states.mul(batch.Mask.unsqueeze(-1))));
        }

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void Enter_EndsWithTheLayer_AndLeavesWithinIt()
    {
        using var scope = NewDisposeScope();
        using var batch = Batch(Lengths);
        var rows = batch.Packed()!;

        using (rows.Enter())
        {
            Assert.AreSame(rows, PackedRows.Current);
            using (PackedRows.Leave())
            {
                Assert.IsNull(PackedRows.Current);
            }

            Assert.AreSame(rows, PackedRows.Current);
        }

        Assert.IsNull(PackedRows.Current);
    }

    [TestMethod]
    public void Record_ParameterThatCannotBePutApart_SaysWhich()
    {
        using var scope = NewDisposeScope();
        using var batch = Batch(Lengths);
        using var parameter = new TorchSharp.Modules.Parameter(ones(3));
        using var use = new BroadcastUse(parameter);

        var error = Assert.ThrowsExactly<NotSupportedException>(() => use.Apart(batch.Packed()!));

        StringAssert.Contains(error.Message, "expanded parameters");
    }

    // Logits, J and the mean gradient.
    private static Tensor[] Gradients(string name, string adapter, bool isForbidden)
    {
        using var padded = PackedRows.Forbid(isForbidden);
        using var classifier = new EncoderFixture(name).CreateClassifier(Adapted[adapter]);
        EncoderFixture.Perturb(classifier);
        classifier.SetTraining(true); // with dropout
        using var inputs = Batch(Lengths);
        using var labels = tensor([0L, 1L, 2L, 1L]);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(inputs));
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        using var again = batch.Capture(batch.LogitGradients.mul(tensor(2.0)), keepGraph: true); // what was put apart serves again
        Tensor[] results = [batch.Logits.detach(), captured.Rows(), again.Rows(), captured.Gram(), .. batch.MeanGradient([.. captured.Parameters])];
        return Array.ConvertAll(results, result => result.clone());
    }

    private static TokenBatch Batch(params int[] lengths)
    {
        var width = lengths.Max();
        var mask = tensor(lengths.SelectMany(length => Enumerable.Range(0, width).Select(place => place < length ? 1L : 0)).ToArray()).view(lengths.Length, width);
        var ids = arange(lengths.Length * width, dtype: ScalarType.Int64).view(lengths.Length, width).remainder(tensor(40L)).add(tensor(5L)).mul(mask);
        return new TokenBatch(ids, mask, zeros_like(ids), isPadded: lengths.Min() < width);
    }
}
