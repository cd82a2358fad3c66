using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Training;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

[TestClass]
public sealed class TrainingLoopTests : IDisposable
{
    private readonly PointClassifier _model = new();
    private readonly List<TrainingProgress> _reports = [];

    private IEnumerable<TrainingProgress> EpochReports => _reports.Where(report => report.EndOfEpoch);

    public void Dispose() => _model.Dispose();

    [TestMethod]
    public void Run_ReportsEveryStepAndEveryEpoch()
    {
        Run(new PointSource(20, 8), null, epochs: 2);

        CollectionAssert.AreEqual(
            new[] { "1.1", "1.2", "1.3", "1.3 end", "2.1", "2.2", "2.3", "2.3 end" },
            _reports.Select(report => $"{report.Epoch}.{report.Step}{(report.EndOfEpoch ? " end" : "")}").ToArray());
        Assert.IsTrue(_reports.All(report => report is { EpochCount: 2, StepCount: 3, RowsPerSecond: > 0, ValidationLoss: null }));
        Assert.AreEqual(TimeSpan.Zero, _reports[^1].TimeLeft);
    }

    [TestMethod]
    public void Run_EpochReport_IsTheMeanOverRowsNotBatches()
    {
        Run(new PointSource(20, 8), null, epochs: 1);

        var steps = _reports.Where(report => !report.EndOfEpoch).ToArray();
        var epoch = EpochReports.Single();
        Assert.AreEqual(((8 * steps[0].Loss) + (8 * steps[1].Loss) + (4 * steps[2].Loss)) / 20, epoch.Loss, 1e-12);
        Assert.AreEqual(((8 * steps[0].Accuracy!.Value) + (8 * steps[1].Accuracy!.Value) + (4 * steps[2].Accuracy!.Value)) / 20, epoch.Accuracy!.Value, 1e-12);
    }

    [TestMethod]
    public void Run_LearningRate_FollowsTheScheduleOverAllSteps()
    {
        Run(new PointSource(16, 8), null, epochs: 2, Ief with { LearningRate = 0.8, Schedule = LearningRateSchedule.Linear });

        var rates = _reports.Where(report => !report.EndOfEpoch).Select(report => report.LearningRate).ToArray();
        CollectionAssert.AreEqual(new[] { 0.8, 0.6, 0.4, 0.2 }, rates.Select(rate => Math.Round(rate, 12)).ToArray());
    }

    [TestMethod]
    public void Run_LossFalls_AndOnlyPerSampleMethodsKnowTheSpread()
    {
        Run(new PointSource(32, 8), null, epochs: 4);
        Fixture.AssertLess(0.99 * EpochReports.First().Loss, EpochReports.Last().Loss);
        Assert.IsTrue(_reports.All(report => report.GradientNormSpread >= 1));
        Assert.IsTrue(_reports.All(report => report is { Condition: >= 1, DeadRows: 0, DampingRaised: 0 }));
        foreach (var epoch in EpochReports)
        {
            Assert.AreEqual(_reports.Where(report => report.Epoch == epoch.Epoch).Max(report => report.Condition), epoch.Condition);
        }

        _reports.Clear();

        Run(new PointSource(32, 8), null, epochs: 1, Optimizers.AdamW);

        Assert.IsTrue(_reports.All(report => report is { GradientNormSpread: null, Condition: null }));
    }

    [TestMethod]
    public void Run_RowsLearnedToTheLastDigit_AreCountedAsDead()
    {
        using (TorchSharp.torch.no_grad())
        {
            // The bias decides for class 1 with a gap of 200: probabilities of the other class are below 1e-80.
            _model.TrainableParameters[0].Value.fill_(0);
            _model.TrainableParameters[1].Value.copy_(TorchSharp.torch.tensor(new[] { -100f, 100f }));
        }

        Run(new PointSource(8, 4), null, epochs: 1);

        // Half of the rows, those of class 1, have nothing left to learn in the first step.
        Assert.AreEqual(2, _reports[0].DeadRows);
        Assert.AreEqual(_reports.Where(report => !report.EndOfEpoch).Sum(report => report.DeadRows), EpochReports.Single().DeadRows);
    }

    [TestMethod]
    public void Run_Validation_EqualsTheValuesByHandAndComesAtTheEndOfAnEpoch()
    {
        var validation = new PointSource(21, 8);
        (double Loss, double Accuracy) expected = default;
        Run(new PointSource(32, 8), validation, epochs: 2, report: progress => expected = validation.Evaluate(_model.Weights));

        Assert.IsTrue(_reports.All(report => report.EndOfEpoch == report.ValidationLoss.HasValue));
        Assert.AreEqual(expected.Loss, _reports[^1].ValidationLoss!.Value, 1e-6);
        Assert.AreEqual(expected.Accuracy, _reports[^1].ValidationAccuracy!.Value, 1e-12);
        CollectionAssert.AreEqual(new[] { true, false, true, false }, _model.Modes);
    }

    [TestMethod]
    public void Run_WithoutEarlyStopping_KeepsTheLastWeights()
    {
        float[] last = [];

        var result = Run(new PointSource(16, 8), new PointSource(16, 8, wrongLabels: true), epochs: 4, report: _ => last = _model.Weights);

        Assert.AreEqual(4, result.BestEpoch);
        CollectionAssert.AreEqual(last, _model.Weights);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Run_EarlyStopping_EndsAfterPatienceAndRestoresTheBestEpoch(bool watchAccuracy)
    {
        var atEnd = new List<float[]>();

        var result = Run(
            new PointSource(16, 8), new PointSource(16, 8, wrongLabels: true), epochs: 9,
            stopping: new EarlyStopping { Patience = 3, WatchAccuracy = watchAccuracy },
            report: progress =>
            {
                if (progress.EndOfEpoch)
                {
                    atEnd.Add(_model.Weights);
                }
            });

        var scores = EpochReports.Select(report => watchAccuracy ? -report.ValidationAccuracy!.Value : report.ValidationLoss!.Value).ToList();
        var best = scores.IndexOf(scores.Min());
        Assert.AreEqual(best + 1, result.BestEpoch);
        Assert.HasCount(best + 1 + 3, atEnd);
        CollectionAssert.AreEqual(atEnd[best], _model.Weights);
        CollectionAssert.AreNotEqual(atEnd[^1], _model.Weights);
    }

    [TestMethod]
    public void Run_MinDelta_CountsSmallGainsAsNone()
    {
        var result = Run(
            new PointSource(16, 8), new PointSource(16, 8), epochs: 9, stopping: new EarlyStopping { Patience = 1, MinDelta = 100 });

        Assert.AreEqual(1, result.BestEpoch);
        Assert.HasCount(2, EpochReports);
    }

    [TestMethod]
    [DataRow(1, false)]
    [DataRow(1, true)]
    [DataRow(3, false)]
    public void Run_ValidationLossNeverFinite_Throws(int patience, bool watchAccuracy)
    {
        _model.SpoiltValidations.UnionWith(Enumerable.Range(1, 9));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Run(
            new PointSource(16, 8), new PointSource(16, 8), epochs: 9,
            stopping: new EarlyStopping { Patience = patience, WatchAccuracy = watchAccuracy }));

        StringAssert.Contains(error.Message, $"validation loss became NaN after epoch {patience}");
        Assert.HasCount(patience, EpochReports);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Run_FirstValidationLossNotFinite_GoesOnAndNeverKeepsThatEpoch(bool watchAccuracy)
    {
        _model.SpoiltValidations.Add(1);

        var result = Run(
            new PointSource(16, 8), new PointSource(16, 8), epochs: 4, stopping: new EarlyStopping { Patience = 2, WatchAccuracy = watchAccuracy });

        Assert.IsGreaterThan(1, result.BestEpoch);
        Assert.IsNull(result.Failure);
        Assert.IsTrue(double.IsNaN(EpochReports.First().ValidationLoss!.Value));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Run_LastValidationLossesNotFinite_RestoresTheLastGoodEpochAndSaysSo(bool stopEarly)
    {
        _model.SpoiltValidations.UnionWith([2, 3]);
        float[] good = [];

        var result = Run(
            new PointSource(16, 8), new PointSource(16, 8), epochs: 3, stopping: stopEarly ? new EarlyStopping() : null,
            report: progress => good = progress is { EndOfEpoch: true, Epoch: 1 } ? _model.Weights : good);

        Assert.AreEqual(1, result.BestEpoch);
        StringAssert.Contains(result.Failure, "after epoch 3");
        StringAssert.Contains(result.Failure, "The weights are those after epoch 1.");
        CollectionAssert.AreEqual(good, _model.Weights);
    }

    [TestMethod]
    public void Run_LossNotFiniteInTheFirstEpoch_Throws()
    {
        _model.Poison();

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Run(new PointSource(16, 8), null, epochs: 2));

        StringAssert.Contains(error.Message, "NaN at step 1 of epoch 1");
    }

    [TestMethod]
    public void Run_LossNotFiniteLater_KeepsTheWeightsOfTheLastGoodEpoch()
    {
        float[] good = [];
        var forwards = 0;
        _model.BeforeForward = () =>
        {
            if (++forwards == 6)
            {
                _model.Poison();
            }
        };

        var result = Run(new PointSource(16, 8), null, epochs: 5, report: progress => good = progress is { EndOfEpoch: true } ? _model.Weights : good);

        Assert.AreEqual(2, result.BestEpoch);
        StringAssert.Contains(result.Failure, "step 2 of epoch 3");
        CollectionAssert.AreEqual(good, _model.Weights);
        Assert.HasCount(2, EpochReports);
    }

    [TestMethod]
    public void Run_LastStepRuinsTheWeights_CountsTheEpochAsFailed()
    {
        var result = Run(
            new PointSource(16, 8), null, epochs: 5,
            report: progress =>
            {
                if (progress is { Epoch: 2, Step: 2, EndOfEpoch: false })
                {
                    _model.Poison();
                }
            });

        Assert.AreEqual(1, result.BestEpoch);
        Assert.IsNotNull(result.Failure);
        Assert.IsTrue(_model.Weights.All(float.IsFinite));
    }

    [TestMethod]
    public void Run_NotAlive_Stops()
    {
        var steps = 0;

        Assert.ThrowsExactly<OperationCanceledException>(() => Run(new PointSource(16, 8), null, epochs: 5, checkAlive: () =>
        {
            if (++steps == 4)
            {
                throw new OperationCanceledException();
            }
        }));

        Assert.HasCount(4, _reports);
    }

    [TestMethod]
    public void Run_LeavesNoTensors()
    {
        Run(new PointSource(16, 8), new PointSource(16, 8), epochs: 2, stopping: new EarlyStopping());
        var before = LiveTensors.Settled();

        Run(new PointSource(16, 8), new PointSource(16, 8), epochs: 6, stopping: new EarlyStopping());

        Assert.AreEqual(before, TorchSharp.torch.Tensor.TotalCount);
    }

    private TrainingResult Run(
        PointSource training, PointSource? validation, int epochs, OptimizerOptions? optimizer = null, EarlyStopping? stopping = null,
        Action<TrainingProgress>? report = null, Action? checkAlive = null)
    {
        var settings = new TrainingSettings
        {
            Optimizer = optimizer ?? Ief,
            ClassCount = 2,
            EpochCount = epochs,
            Seed = 1,
            EarlyStopping = stopping,
            CheckAlive = checkAlive,
            Report = progress =>
            {
                _reports.Add(progress);
                report?.Invoke(progress);
            },
        };
        return new TrainingLoop(_model, new SoftmaxCrossEntropy(), settings).Run(training, validation);
    }
}
