using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Tests.Collectives;
using Microsoft.ML.NaturalGradient.Tests.Models;
using Microsoft.ML.NaturalGradient.Tests.Models.T5;
using Microsoft.ML.NaturalGradient.Tests.Models.Vision;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>Steps of a batch that is shared out to several processes, threads here, against those of one; float64. Four processes leave one without a row.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ShardedStepTests
{
    private const double Rounding = 1e-10;

    public static IEnumerable<object[]> Methods =>
        typeof(Optimizers).GetProperties().Select(property => property.GetValue(null)).OfType<OptimizerOptions>().Select(method => new object[] { method.Name });

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Step_Lora_IsThatOfOneProcess(string name)
    {
        var fixture = new EncoderFixture("bert");
        AssertSameSteps(Named(name), () => Perturbed(fixture.CreateClassifier()), fixture.Inputs, Labels(fixture));
    }

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Step_WithRowWeightsInMicroBatches_IsThatOfOneProcess(string name)
    {
        var fixture = new EncoderFixture("bert");
        AssertSameSteps(Named(name), () => Perturbed(fixture.CreateClassifier()), fixture.Inputs, Labels(fixture), microBatchSize: 1, weights: [1, 0.5, 3]);
    }

    [TestMethod]
    [DataRow("bert", null, true)]
    [DataRow("bert", 1, true)]
    [DataRow("bert", 1, false)]
    [DataRow("deberta-v2", null, true)]
    [DataRow("deberta-v2", 1, false)]
    public void Step_AllWeights_IsThatOfOneProcess(string encoder, int? microBatchSize, bool keepsRows)
    {
        var fixture = new EncoderFixture(encoder);
        foreach (var method in ManyKinds)
        {
            AssertSameSteps(method, fixture.CreateTrainableClassifier, fixture.Inputs, Labels(fixture), microBatchSize, keepsRows: keepsRows);
        }
    }

    [TestMethod]
    [DataRow(null, true)]
    [DataRow(1, false)]
    public void Step_TiedWordsOfT5_IsThatOfOneProcess(int? microBatchSize, bool keepsRows)
    {
        using var first = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Tied), new FullFineTuningOptions());
        using var batch = TextToTextFixture.Source(first).Ordered().Single();
        foreach (var method in ManyKinds.Where(method => method.Name is not ("NG" or "NG-CG")))
        {
            AssertSameSteps(
                method,
                () =>
                {
                    var classifier = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Tied), new FullFineTuningOptions());
                    _ = classifier.to(ScalarType.Float64);
                    return classifier;
                },
                () => TextToTextFixture.Source(first).Ordered().Single().Input, batch.Labels, microBatchSize, keepsRows: keepsRows);
        }
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("dinov2")]
    public void Step_Pictures_IsThatOfOneProcess(string encoder)
    {
        var fixture = new ImageFixture(encoder);
        foreach (var method in ManyKinds)
        {
            AssertSameSteps(
                method, () => fixture.CreateClassifier(new FullFineTuningOptions()),
                () => ImageFixture.Inputs(fixture.Reference.GetProperty("inputs")), fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64));
        }
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow(1)]
    public void Step_WithDropout_DropsTheSame(int? microBatchSize)
    {
        var fixture = new EncoderFixture("bert");
        AssertSameSteps(
            Optimizers.Ief, () => Perturbed(fixture.CreateClassifier(new LoraOptions { Rank = 4, Alpha = 8, Dropout = 0.5 })), fixture.Inputs, Labels(fixture), microBatchSize);
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(4)]
    public void Measure_OfSeveralProcesses_IsThatOfOne(int size)
    {
        var fixture = new EncoderFixture("bert");
        using var labels = Labels(fixture);
        var probe = new QualityProbe { Directions = [Optimizers.Ief, Optimizers.Ef, Optimizers.Kfac], Every = 1 };
        QualityReport Measured(ProcessGroup? group)
        {
            using var model = Perturbed(fixture.CreateClassifier());
            using var inputs = fixture.Inputs();
            using var batch = new LabeledBatch(inputs, labels.clone());
            return new ApproximationQuality(new ParameterSet(model.TrainableParameters), probe, seed: 3).Measure(model, new SoftmaxCrossEntropy(), batch, null, group);
        }

        var expected = Measured(null);

        InMemoryCollective.Run(size, collective =>
        {
            var found = Measured(ProcessGroup.Of(collective));
            Assert.AreEqual(expected.SgdGamma, found.SgdGamma, 1e-9 * expected.SgdGamma);
            foreach (var (one, other) in expected.Directions.Zip(found.Directions))
            {
                Assert.AreEqual(one.Gamma, other.Gamma, 1e-9 * one.Gamma);
            }
        });
    }

    private static OptimizerOptions[] ManyKinds =>
        [Optimizers.Ief, Optimizers.Sf with { Samples = 2 }, Optimizers.Ng, Optimizers.Kfac, Optimizers.AdaFisher with { FactorInterval = 1 }, Optimizers.HessianFree, Optimizers.AdamW];

    private static OptimizerOptions Named(string name) =>
        typeof(Optimizers).GetProperties().Select(property => property.GetValue(null)).OfType<OptimizerOptions>().Single(method => method.Name == name);

    private static Tensor Labels(EncoderFixture fixture) => fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);

    private static T Perturbed<T>(T model)
        where T : ITrainableModel
    {
        EncoderFixture.Perturb(model);
        return model;
    }

    private static void AssertSameSteps<T>(
        OptimizerOptions method, Func<T> create, Func<ModelInput> inputs, Tensor labels, int? microBatchSize = null, double[]? weights = null, bool keepsRows = true)
        where T : nn.Module, ITrainableModel
    {
        using var started = create();
        var start = started.TrainableParameters.Select(named => named.Value.detach().clone()).ToList();
        using var expected = Train(null);

        foreach (var size in new[] { 2, 3, 4 })
        {
            InMemoryCollective.Run(size, collective =>
            {
                using var scope = NewDisposeScope();
                using var found = Train(ProcessGroup.Of(collective));
                var (difference, moved) = (0.0, 0.0);
                foreach (var ((one, other), from) in expected.TrainableParameters.Zip(found.TrainableParameters).Zip(start))
                {
                    difference += Math.Pow(one.Value.sub(other.Value).norm().item<double>(), 2);
                    moved += Math.Pow(one.Value.sub(from).norm().item<double>(), 2);
                }

                Fixture.AssertLess(Rounding * Math.Max(1, Math.Sqrt(moved)), Math.Sqrt(difference), $"{method.Name}, process {collective.Rank} of {size}");
            });
        }

        T Train(ProcessGroup? group)
        {
            using var scope = NewDisposeScope();
            var model = create();
            model.SetTraining(true);
            using var read = inputs();
            using var batch = new LabeledBatch(read, labels.clone(), weights is null ? null : tensor(weights));
            using var optimizer = method.Build(new ParameterSet(model.TrainableParameters), seed: 4);
            for (var step = 0; step < 2; step++)
            {
                using var evaluation = BatchEvaluation.Of(
                    model, new SoftmaxCrossEntropy(), batch, optimizer.NeedsPerSampleGradients, model.Randomness, microBatchSize, group, keepsRows ? 1L << 30 : 0);
                optimizer.Step(evaluation, method.ResolveLearningRate(3));
            }

            return model;
        }
    }
}
