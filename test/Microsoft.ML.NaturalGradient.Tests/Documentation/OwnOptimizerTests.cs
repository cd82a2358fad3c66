using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>The two methods of docs/own-optimizer.md at work.</summary>
[TestClass]
public sealed class OwnOptimizerTests
{
    private static readonly CustomOptimizerOptions[] Both = [new LionOptions(), new ClippedSgdOptions()];

    [TestMethod]
    public void Lion_FiveSteps_EqualLoopsOverNumbers()
    {
        using var scope = NewDisposeScope();
        var (expected, trained) = (new ToyNetwork(), new ToyNetwork());
        var options = new LionOptions { Beta1 = 0.8, Beta2 = 0.95 };
        using var optimizer = options.CreateFor(trained.Parameters, 3);
        var means = new double[expected.Flat().numel()];
        var weights = expected.Flat().data<double>().ToArray();
        for (var step = 0; step < 5; step++)
        {
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), expected.Labels, false, expected.Forward);
            var gradient = Flat(batch.MeanGradient(expected.Parameters)).data<double>().ToArray();
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] -= 0.01 * Math.Sign((0.8 * means[i]) + (0.2 * gradient[i]));
                means[i] = (0.95 * means[i]) + (0.05 * gradient[i]);
            }

            Set(expected, weights);

            optimizer.Step(trained.Forward, trained.Labels, 0.01);
        }

        Fixture.AssertClose(expected.Flat(), trained.Flat(), 1e-12, 1e-14);
    }

    [TestMethod]
    public void ClippedSgd_AStep_AveragesClippedRows()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var rows = network.Reference("J").ToTensor();
        var norms = rows.square().sum(1).sqrt();
        var clip = norms.median().item<double>(); // some rows are longer, some are not
        var before = network.Flat();
        var factors = norms.data<double>().Select(norm => Math.Min(1, clip / norm)).ToArray();
        using var optimizer = new ClippedSgdOptions { ClipNorm = clip }.CreateFor(network.Parameters, 3);

        optimizer.Step(network.Forward, network.Labels, 0.3);

        Assert.AreEqual(2, factors.Count(factor => factor < 1));
        var direction = rows.mul(tensor(factors).unsqueeze(1)).mean([0]);
        Fixture.AssertClose(before.sub(direction.mul(0.3)), network.Flat(), 1e-9, 1e-12);
    }

    [TestMethod]
    public void TextClassification_WithLion_LearnsItsRows()
    {
        var mlContext = new MLContext(seed: 1);
        var (data, model) = (TinyText.KeyedRows(mlContext, 64), TinyText.Model);
        #region In a trainer
        var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(
            optimizer: new LionOptions { LearningRate = 3e-3 }, sentence1ColumnName: "Text", batchSize: 8, maxEpochs: 20, model: model);
        #endregion
        using var trained = trainer.Fit(data);

        Assert.IsGreaterThan(0.9, Accuracy(mlContext, trained, data));
    }

    [TestMethod]
    public void TextClassification_WithNothingToClip_TrainsAsSgd()
    {
        var start = Scores(new ClippedSgdOptions { LearningRate = 1e-9 });
        var sgd = Scores(Optimizers.Sgd with { LearningRate = 0.3 });
        var unclipped = Scores(new ClippedSgdOptions { LearningRate = 0.3, ClipNorm = 1e9 });
        var clipped = Scores(new ClippedSgdOptions { LearningRate = 0.3, ClipNorm = 0.1 });

        Assert.IsGreaterThan(1e-2, Distance(start, sgd)); // it trains
        Fixture.AssertLess(1e-4, Distance(sgd, unclipped)); // float32
        Assert.IsGreaterThan(1e-3, Distance(sgd, clipped));
    }

    [TestMethod]
    public void TextClassification_WithClipping_LearnsItsRows()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 64);

        using var trained = TinyText.Trainer(mlContext, options =>
        {
            options.Optimizer = new ClippedSgdOptions { LearningRate = 1 }; // plain SGD diverges at this rate
            options.RecoverFromDivergence = false; // clipping alone keeps it from that
            options.MaxEpoch = 20;
        }).Fit(data);

        Assert.IsGreaterThan(0.9, Accuracy(mlContext, trained, data));
    }

    [TestMethod]
    public void TextClassification_WithProbe_MeasuresOwnMethods()
    {
        var mlContext = new MLContext(seed: 1);
        var reports = new List<TrainingProgress>();

        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.Optimizer = new LionOptions();
            options.MaxEpoch = 1;
            options.QualityProbe = new QualityProbe { Every = 1, Directions = [Ief, .. Both, new ClippedSgdOptions { ClipNorm = 1e9 }] };
            options.MetricsCallback = reports.Add;
        }).Fit(TinyText.KeyedRows(mlContext, 24));

        var found = reports.Where(report => report.Quality is not null).Select(report => report.Quality!).ToList();
        Assert.HasCount(3, found);
        foreach (var quality in found)
        {
            CollectionAssert.AreEqual(new[] { "iEF", "Lion", "Clipped SGD", "Clipped SGD" }, quality.Directions.Select(row => row.Method).ToArray());
            Assert.IsTrue(quality.Directions.All(row => row.Gamma > 0));
            Assert.AreEqual(1, quality.Directions[3].RatioToSgd, 1e-3); // nothing is clipped; float32
        }
    }

    [TestMethod]
    public void Standalone_TrainsAndMeasures()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = toy.OfTorchSharp();
        var (inputs, labels) = (toy.Inputs, toy.Labels);
        #region Standalone
        using var optimizer = new ClippedSgdOptions { ClipNorm = 2 }.CreateFor(network, classCount: 3);
        var correct = 0L;
        for (var step = 0; step < 100; step++)
        {
            var report = optimizer.Step(() => network.call(inputs), labels);
            correct = report.Correct!.Value;
        }

        var quality = optimizer.MeasureQuality(
            () => network.call(inputs), labels, new QualityProbe { Directions = [Ief, new LionOptions(), new ClippedSgdOptions()] });
        var ratioOfLion = quality.Directions[1].RatioToSgd; // below 1: better than the plain gradient on this batch
        #endregion

        Assert.AreEqual(5, correct);
        Assert.IsTrue(double.IsFinite(ratioOfLion));
    }

    [TestMethod]
    public void MeasureQuality_OfLion_IsTheExactGammaOfTheFirstDirection()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = new LionOptions().CreateFor(network.Parameters, 3);
        optimizer.Step(network.Forward, network.Labels, 0.05); // a state that must not count
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        batch.KeepsGraph = true;
        var signs = new ParameterVector(network.Parameters, batch.MeanGradient(network.Parameters).Select(gradient => gradient.sign()));
        var expected = new FisherProducts(batch, network.Parameters).ExactlyAlong(signs).Gamma;

        var row = optimizer.MeasureQuality(network.Forward, network.Labels, new QualityProbe { Directions = [new LionOptions()] }).Directions.Single();

        Assert.AreEqual(expected, row.Gamma, 1e-6);
        Assert.AreEqual(Math.Sqrt(network.Flat().numel()), row.Norm, 1e-9);
    }

    [TestMethod]
    public void RestoreState_OfLion_GoesOnAsWithoutInterruption()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        var (uninterrupted, resumed) = (new ToyNetwork(), new ToyNetwork());
        using var optimizer = new LionOptions().CreateFor(uninterrupted.Parameters, 3);
        Run(optimizer, uninterrupted);
        optimizer.SaveState(stream);
        Set(resumed, [.. uninterrupted.Flat().data<double>()]);
        optimizer.MeasureQuality(uninterrupted.Forward, uninterrupted.Labels, new QualityProbe { Directions = [new LionOptions()] });
        Run(optimizer, uninterrupted);

        using var other = new LionOptions().CreateFor(resumed.Parameters, 3);
        stream.Position = 0;
        other.RestoreState(stream);
        Run(other, resumed);

        Assert.AreEqual(0, resumed.Flat().sub(uninterrupted.Flat()).abs().max().item<double>());
    }

    [TestMethod]
    public void Settings_OutOfRange_Throw()
    {
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(new LionOptions { Beta2 = 1 }.Validate).Message, "Beta2 is 1.");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(new ClippedSgdOptions { ClipNorm = 0 }.Validate);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(new LionOptions { LearningRate = -1 }.Validate);
    }

    [TestMethod]
    public void Step_LeavesNoTensorsBehind()
    {
        foreach (var options in Both)
        {
            using var scope = NewDisposeScope();
            var network = new ToyNetwork();
            using var optimizer = options.CreateFor(network.Parameters, 3);
            var probe = new QualityProbe { Directions = Both };
            void Use()
            {
                optimizer.Step(network.Forward, network.Labels);
                optimizer.MeasureQuality(network.Forward, network.Labels, probe);
            }

            Use();
            var before = LiveTensors.Settled();

            Use();

            Assert.AreEqual(before, Tensor.TotalCount, options.MethodName);
        }
    }

    private static void Run(ParameterOptimizer optimizer, ToyNetwork network)
    {
        for (var step = 0; step < 3; step++)
        {
            optimizer.Step(network.Forward, network.Labels, 0.05);
        }
    }

    private static float[] Scores(OptimizerOptions optimizer)
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 24);
        using var model = TinyText.Trainer(mlContext, options => options.Optimizer = optimizer).Fit(data);
        return [.. TinyText.Scores(model, data).SelectMany(row => row)];
    }

    private static double Distance(float[] a, float[] b) => a.Zip(b, (one, other) => Math.Abs(one - other)).Max();

    private static double Accuracy(MLContext mlContext, TextClassificationTransformer model, IDataView data) =>
        mlContext.MulticlassClassification.Evaluate(model.Transform(data)).MicroAccuracy;

    private static Tensor Flat(IEnumerable<Tensor> tensors) => cat([.. tensors.Select(part => part.flatten())]);

    private static void Set(ToyNetwork network, double[] weights)
    {
        using var noGrad = no_grad();
        var start = 0L;
        foreach (var parameter in network.Parameters)
        {
            parameter.copy_(tensor(weights).narrow(0, start, parameter.numel()).view_as(parameter));
            start += parameter.numel();
        }
    }
}
