using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Models.T5;
using Microsoft.ML.NaturalGradient.Tests.Models.Vision;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Micro-batches of one row against the whole batch, for tiny encoders with all weights trained; float64.</summary>
[TestClass]
[DoNotParallelize]
public sealed class MicroBatchEncoderTests
{
    private static readonly OptimizerOptions[] Methods = [Ief, Sf with { Samples = 2 }, Optimizers.Kfac, Optimizers.AdaFisher with { FactorInterval = 1 }, Optimizers.Sgd];

    [TestMethod]
    [DataRow("bert")]
    [DataRow("distilbert")]
    [DataRow("deberta-v2")]
    [DataRow("modernbert")]
    public void Step_TextEncoder_IsThatOfTheWholeBatch(string encoder)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(encoder);
        using var inputs = fixture.Inputs();
        AssertSameSteps(fixture.CreateTrainableClassifier, inputs, fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64));
    }

    [TestMethod]
    public void Step_TiedWordsOfT5_IsThatOfTheWholeBatch()
    {
        using var scope = NewDisposeScope();
        using var first = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Tied), new FullFineTuningOptions());
        using var batch = TextToTextFixture.Source(first).Ordered().Single();
        AssertSameSteps(
            () =>
            {
                var classifier = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Tied), new FullFineTuningOptions());
                _ = classifier.to(ScalarType.Float64);
                return classifier;
            },
            batch.Input,
            batch.Labels);
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("dinov2")]
    public void Step_Pictures_IsThatOfTheWholeBatch(string encoder)
    {
        using var scope = NewDisposeScope();
        var fixture = new ImageFixture(encoder);
        using var inputs = ImageFixture.Inputs(fixture.Reference.GetProperty("inputs"));
        AssertSameSteps(
            () => fixture.CreateClassifier(new FullFineTuningOptions()), inputs, fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64));
    }

    // A row's masks do not depend on how the batch is divided, and are the same in all passes.
    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void PullBack_WithDropout_HasTheMasksOfTheWholeBatch(string encoder)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(encoder);
        using var inputs = fixture.Inputs();
        var labels = fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);
        using var classifier = fixture.CreateClassifier(new LoraOptions { Rank = 4, Alpha = 8, Dropout = 0.5, TargetModules = LoraOptions.AllLinear });
        EncoderFixture.Perturb(classifier);
        classifier.SetTraining(true);
        var start = classifier.Randomness!.get_state();
        using var whole = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(inputs), classifier.Randomness);
        classifier.Randomness.set_state(start);
        using var batch = BatchEvaluation.RunInParts(
            new SoftmaxCrossEntropy(), labels, (first, count) => classifier.Forward(inputs.Slice(first, count)), size: 2, classifier.Randomness);
        batch.Trained = [.. classifier.TrainableParameters.Select(named => named.Value)];

        var once = batch.MeanGradient(batch.Trained);
        using var rows = batch.PerSample(batch.LogitGradients);
        var sums = rows.Combine(ones(3, ScalarType.Float64).div(3));
        var expected = whole.MeanGradient(batch.Trained);

        Fixture.AssertClose(whole.Logits, batch.Logits, 1e-12, 1e-12);
        Fixture.AssertClose(whole.Logits, whole.RepeatForward(), 1e-12, 1e-12);
        Fixture.AssertClose(batch.Logits, batch.RepeatForward(), 1e-12, 1e-12);
        foreach (var ((parameter, gradient), own) in batch.Trained.Zip(once).Zip(expected))
        {
            Fixture.AssertClose(own, gradient, 1e-9, 1e-12);
            Fixture.AssertClose(gradient, sums[parameter], 1e-9, 1e-12);
        }
    }

    private static void AssertSameSteps<T>(Func<T> create, ModelInput inputs, Tensor labels)
        where T : nn.Module, ITrainableModel
    {
        foreach (var method in Methods)
        {
            foreach (var mostKeptBytes in new[] { 0L, 1L << 30 })
            {
                using var scope = NewDisposeScope();
                using var whole = create();
                using var parts = create();
                using var left = method.Build([.. whole.TrainableParameters.Select(named => named.Value)], seed: 4);
                using var right = method.Build([.. parts.TrainableParameters.Select(named => named.Value)], seed: 4);
                using var expected = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, left.NeedsPerSampleGradients, () => whole.Forward(inputs));
                using var batch = BatchEvaluation.RunInParts(
                    new SoftmaxCrossEntropy(), labels, (start, count) => parts.Forward(inputs.Slice(start, count)), size: 1, mostKeptBytesOfRow: mostKeptBytes);
                var before = whole.TrainableParameters.Select(named => named.Value.detach().clone()).ToList();

                left.Step(expected, 0.1);
                right.Step(batch, 0.1);

                var (difference, moved) = (0.0, 0.0);
                foreach (var ((one, other), start) in whole.TrainableParameters.Zip(parts.TrainableParameters).Zip(before))
                {
                    difference += Math.Pow(one.Value.sub(other.Value).norm().item<double>(), 2);
                    moved += Math.Pow(one.Value.sub(start).norm().item<double>(), 2);
                }

                Fixture.AssertLess(1e-8 * Math.Sqrt(moved), Math.Sqrt(difference), $"{method.Name}, {mostKeptBytes}");
            }
        }
    }
}
