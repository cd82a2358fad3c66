using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

[TestClass]
public sealed class TextToTextClassifierTests
{
    [TestMethod]
    [DataRow(T5Fixture.Tied)]
    [DataRow(T5Fixture.Gated)]
    public void Forward_SourceOfReferenceRows_LossesEqualReference(string folder)
    {
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(folder));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var batch = TextToTextFixture.Source(classifier).Ordered().Single();
        var expected = Fixture.Read($"{folder}/reference.json").GetProperty("loss_per_sample").ToTensor();

        var losses = new SoftmaxCrossEntropy().Losses(classifier.Forward(batch.Input), batch.Labels);

        // From short to long rows.
        Fixture.AssertClose(expected.index_select(0, tensor(new long[] { 2, 1, 0 })), losses, 1e-9);
    }

    [TestMethod]
    [DataRow(T5Fixture.Tied)]
    [DataRow(T5Fixture.Gated)]
    public void ClassLogProbabilities_RightClasses_AreTheReferenceLosses(string folder)
    {
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(folder));
        using var scope = NewDisposeScope();
        var reference = Fixture.Read($"{folder}/reference.json");
        using var inputs = T5Fixture.Inputs(reference);

        var scores = classifier.ClassLogProbabilities(inputs); // [N, C]

        var right = tensor(TextToTextFixture.Classes.Select(label => (long)label).ToArray()).unsqueeze(1);
        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor().neg(), scores.gather(1, right).squeeze(1), 1e-9);
    }

    [TestMethod]
    [DataRow(1L)]
    [DataRow(2000L)] // five rows of 50 logits
    [DataRow(1L << 28)]
    public void ClassLogProbabilities_AnyChunk_EqualOneClassAtATime(long chunkBytes)
    {
        var words = TextToTextFixture.Words("yes at_all", "w10");
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Tied), words: words);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var inputs = T5Fixture.Inputs(Fixture.Read($"{T5Fixture.Tied}/reference.json"));

        var scores = classifier.ClassLogProbabilities(inputs, chunkBytes);

        CollectionAssert.AreEqual(new long[] { 3, 4 }, scores.shape);
        for (var c = 0; c < 4; c++)
        {
            var labels = words.Labels(CPU)[c..(c + 1)].repeat(3, 1);
            var batch = new TextToTextBatch(inputs, words.DecoderIds(CPU)[c..(c + 1)].repeat(3, 1), full(3, c, ScalarType.Int64));
            var losses = new SoftmaxCrossEntropy().Losses(classifier.Forward(batch), labels);
            Fixture.AssertClose(losses.neg(), scores.select(1, c), 1e-10);
        }
    }

    // Whatever the words share, "yes", "yes at_all" and all other answers are different events.
    [TestMethod]
    public void ClassLogProbabilities_SharedFirstToken_AreLogsOfProbabilitiesBelowOne()
    {
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Gated), words: TextToTextFixture.Words("yes at_all"));
        using var scope = NewDisposeScope();
        using var inputs = T5Fixture.Inputs(Fixture.Read($"{T5Fixture.Gated}/reference.json"));

        var scores = classifier.ClassLogProbabilities(inputs);

        Fixture.AssertLess(1.0, scores.exp().sum(1).max().item<double>());
        Fixture.AssertLess(0.0, scores.max().item<double>());
        Fixture.AssertClose(ones(3, ScalarType.Float64), nn.functional.softmax(scores, -1).sum(1), 1e-12);
    }

    [TestMethod]
    public void ClassLogProbabilities_ManyCalls_LeaveNoTensorBehind()
    {
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Gated));
        using var inputs = T5Fixture.Inputs(Fixture.Read($"{T5Fixture.Gated}/reference.json"));
        classifier.ClassLogProbabilities(inputs).Dispose();
        var before = LiveTensors.Settled();

        classifier.ClassLogProbabilities(inputs, 1).Dispose();

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void Shuffled_Source_OwnsItsBatches()
    {
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Tied));
        var source = TextToTextFixture.Source(classifier);
        var before = LiveTensors.Settled();

        foreach (var batch in source.Shuffled(0).Concat(source.Ordered()))
        {
            using (batch)
            {
                CollectionAssert.AreEqual(new long[] { 3, 3 }, batch.Labels.shape);
                CollectionAssert.AreEqual(new long[] { 3, 3 }, ((TextToTextBatch)batch.Input).DecoderIds.shape);
            }
        }

        Assert.AreEqual(before, Tensor.TotalCount);
        Assert.AreEqual((3, 1), (source.SampleCount, source.BatchCount));
    }

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Run_LoraOnTinyCheckpoint_LossFallsAndScoresFollow(OptimizerOptions optimizer)
    {
        var network = T5Fixture.Load(T5Fixture.Tied);
        _ = network.to(ScalarType.Float32);
        using var classifier = TextToTextFixture.Create(network, TextToTextFixture.Lora);
        using var scope = NewDisposeScope();
        var source = TextToTextFixture.Source(classifier);
        var losses = new List<double>();
        var settings = new TrainingSettings
        {
            Optimizer = optimizer,
            ClassCount = 2,
            EpochCount = 15,
            Seed = 1,
            Report = progress => losses.AddRange(progress.EndOfEpoch ? [progress.Loss] : []),
        };

        new TrainingLoop(classifier, new SoftmaxCrossEntropy(), settings).Run(source, source);

        Fixture.AssertLess(0.9 * losses[0], losses[^1], $"{optimizer.Name}: {losses[0]} to {losses[^1]}");
        using var batch = source.Ordered().Single();
        using var noGrad = no_grad();
        var expected = new SoftmaxCrossEntropy().Losses(classifier.Forward(batch.Input), batch.Labels);
        var right = tensor(new long[] { 0, 1, 0 }).unsqueeze(1);
        // float32, in another order of rows
        Fixture.AssertClose(
            expected.neg(), classifier.ClassLogProbabilities(((TextToTextBatch)batch.Input).Text).gather(1, right).squeeze(1), 1e-4, 1e-4);
    }

    private static IEnumerable<object[]> AllOptimizers =>
        [[Ief], [Ef with { LearningRate = 0.2 }], [Sf with { LearningRate = 0.2 }], [AdamW with { LearningRate = 0.02 }]];
}
