using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Training;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

/// <summary>Runs whose time ends, by a clock that goes on by a second for each step and by a quarter for each batch of validation rows.</summary>
[TestClass]
public sealed class TimeBudgetTests : IDisposable
{
    private const double Validation = 0.5; // two batches
    private const double Rate = 0.8;

    private readonly string _folder = Directory.CreateTempSubdirectory("time-budget").FullName;
    private readonly FakeClock _clock = new();
    private readonly List<TrainingProgress> _reports = [];
    private readonly List<string> _notes = [];
    private readonly List<string> _warnings = [];

    private IEnumerable<TrainingProgress> Steps => _reports.Where(report => !report.EndOfEpoch);

    private IEnumerable<TrainingProgress> EpochReports => _reports.Where(report => report.EndOfEpoch);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Run_TimeEndsInAnEpoch_CutsItThereAndValidatesIt()
    {
        var (_, result) = Run(budget: 12, epochs: 100);

        // Five steps and a validation are 5.5 s, so that the second epoch ends at 11 s, and one step with a validation ends at 12.5 s.
        Assert.AreEqual(11, _clock.Seconds);
        Assert.HasCount(2, EpochReports);
        _clock.Advance(-_clock.Seconds);
        _reports.Clear();

        (_, result) = Run(budget: 13.7, epochs: 100);

        Assert.AreEqual(13.5, _clock.Seconds);
        Assert.AreEqual("3.2", Place(EpochReports.Last()));
        Assert.IsTrue(EpochReports.All(report => report.ValidationLoss is > 0));
        Assert.AreEqual((3, null), (result.BestEpoch, result.Failure));
        Assert.AreEqual("The TimeBudget is used up: the run ends after step 2 of 5 in epoch 3, 12 steps in all.", _notes[^1]);
    }

    [TestMethod]
    public void Run_CutEpoch_IsTheMeanOverItsOwnRows()
    {
        Run(budget: 2.5, epochs: 100);

        var epoch = EpochReports.Single();
        Assert.AreEqual(Steps.Average(step => step.Loss), epoch.Loss, 1e-12);
        Assert.AreEqual("1.2", Place(epoch));
        Assert.AreEqual(TimeSpan.Zero, epoch.TimeLeft);
    }

    [TestMethod]
    public void Run_TimeEndsWithAnEpoch_EndsThere()
    {
        Run(budget: 11, epochs: 100);

        Assert.AreEqual("2.5", Place(EpochReports.Last()));
        StringAssert.Contains(_notes.Single(), "the run ends after epoch 2, 10 steps in all.");
    }

    [TestMethod]
    [DataRow(0.001)]
    [DataRow(0.9)]
    [DataRow(0)] // preparations took all of it
    [DataRow(-7)]
    public void Run_LessTimeThanAStep_MakesOneAtTheFullRate(double budget)
    {
        var (weights, result) = Run(budget, epochs: 100);

        Assert.AreEqual(Rate, Steps.Single().LearningRate);
        Assert.AreEqual("1.1", Place(EpochReports.Single()));
        Assert.IsNotNull(EpochReports.Single().ValidationLoss);
        Assert.AreEqual(1, result.BestEpoch);
        using var untrained = new PointClassifier();
        CollectionAssert.AreNotEqual(untrained.Weights, weights);
    }

    [TestMethod]
    public void Run_StepsGetSlower_IsLateByOneStepAndOneValidationAtMost()
    {
        Run(budget: 6, epochs: 100, stepTime: step => step < 5 ? 1 : 20);

        Assert.AreEqual(4 + 20 + Validation, _clock.Seconds);
    }

    [TestMethod]
    public void Run_Linear_FallsToItsEndAsTheTimeDoes()
    {
        Run(budget: 10, epochs: 100, validate: false);

        CollectionAssert.AreEqual(
            Enumerable.Range(0, 10).Select(step => Math.Round(Rate * (1 - (step / 10.0)), 9)).ToArray(),
            Steps.Select(step => Math.Round(step.LearningRate, 9)).ToArray());
    }

    [TestMethod]
    public void Run_CosineAfterAWarmup_IsAsFarAsTheTime()
    {
        var schedule = LearningRateSchedule.Cosine with { WarmupFraction = 0.4 };

        Run(budget: 10, epochs: 100, validate: false, optimizer: Ief with { LearningRate = Rate, Schedule = schedule });

        // 500 steps by number, and each second stands for 50 of them.
        var expected = Enumerable.Range(0, 10).Select(step => Rate * (step < 4 ? ((50 * step) + 1) / 200.0 : (1 + Math.Cos(Math.PI * (step - 4) / 6)) / 2));
        CollectionAssert.AreEqual(expected.Select(rate => Math.Round(rate, 9)).ToArray(), Steps.Select(step => Math.Round(step.LearningRate, 9)).ToArray());
    }

    [TestMethod]
    public void Run_TimeForValidation_IsNoTimeForTheSchedule()
    {
        Run(budget: 11, epochs: 100);

        var last = Steps.Last();
        Assert.AreEqual(Rate * (1 - (9.5 / 10.5)), last.LearningRate, 1e-9); // it began at 9.5 s, and 0.5 s are kept free
    }

    [TestMethod]
    public void Run_EpochsEndFirst_FollowsTheSteps()
    {
        Run(budget: 60, epochs: 2, validate: false);

        CollectionAssert.AreEqual(
            Enumerable.Range(0, 10).Select(step => Math.Round(Rate * (1 - (step / 10.0)), 9)).ToArray(),
            Steps.Select(step => Math.Round(step.LearningRate, 9)).ToArray());
        Assert.IsEmpty(_notes);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Run_TimeIsNotUp_GivesEqualWeights(bool warmup)
    {
        OptimizerOptions optimizer = warmup ? Optimizers.AdamW with { Schedule = LearningRateSchedule.Linear with { WarmupFraction = 0.3 } } : Ief with { LearningRate = Rate };
        var (expected, _) = Run(budget: null, epochs: 3, optimizer: optimizer);
        var rates = Steps.Select(step => step.LearningRate).ToArray();
        _reports.Clear();

        var (weights, _) = Run(budget: 1000, epochs: 3, optimizer: optimizer);

        CollectionAssert.AreEqual(expected, weights);
        CollectionAssert.AreEqual(rates, Steps.Select(step => step.LearningRate).ToArray());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Run_EarlyStopping_KeepsTheBestEpochThatThereWasTimeFor(bool wrongLabels)
    {
        var atEnd = new List<float[]>();

        var (weights, result) = Run(
            budget: 13.7, epochs: 100, stopping: new EarlyStopping { Patience = 9 }, wrongLabels: wrongLabels,
            report: (model, progress) => atEnd.AddRange(progress.EndOfEpoch ? [model.Weights] : []));

        var losses = EpochReports.Select(report => report.ValidationLoss!.Value).ToList();
        Assert.HasCount(3, losses);
        Assert.AreEqual(wrongLabels ? 1 : losses.IndexOf(losses.Min()) + 1, result.BestEpoch); // with wrong labels each epoch is worse than the one before
        CollectionAssert.AreEqual(atEnd[result.BestEpoch - 1], weights);
    }

    [TestMethod]
    public void Run_CutEpochIsTheBest_IsKept()
    {
        var (_, result) = Run(
            budget: 13.7, epochs: 100, stopping: new EarlyStopping { Patience = 9 }, optimizer: Sgd with { LearningRate = 0.01, Schedule = LearningRateSchedule.Constant });

        Assert.AreEqual("3.2", Place(EpochReports.Last()));
        Assert.AreEqual(3, result.BestEpoch);
    }

    [TestMethod]
    public void Run_CutEpochsValidationLossIsNotFinite_RestoresTheEpochBefore()
    {
        var (_, result) = Run(budget: 13.7, epochs: 100, prepare: model => model.SpoiltValidations.Add(3));

        Assert.AreEqual(2, result.BestEpoch);
        StringAssert.Contains(result.Failure, "The weights are those after epoch 2.");
    }

    [TestMethod]
    public void Run_TimeLeft_IsThatOfTheBudgetWhereItIsLess()
    {
        Run(budget: 11, epochs: 100, validate: false);
        CollectionAssert.AreEqual(Enumerable.Range(1, 11).Select(second => 11.0 - second).ToArray(), Steps.Select(step => step.TimeLeft.TotalSeconds).ToArray());
        _reports.Clear();

        Run(budget: 1000, epochs: 1, validate: false);

        CollectionAssert.AreEqual(new[] { 4.0, 3, 2, 1, 0 }, Steps.Select(step => Math.Round(step.TimeLeft.TotalSeconds, 6)).ToArray());
    }

    [TestMethod]
    [DataRow(8.0)]
    [DataRow(null)]
    public void Run_EpochsWithoutEnd_OverflowsNowhere(double? budget)
    {
        var steps = 0;
        try
        {
            Run(budget, epochs: int.MaxValue, checkAlive: () =>
            {
                if (budget is null && ++steps > 8)
                {
                    throw new OperationCanceledException();
                }
            });
        }
        catch (OperationCanceledException) when (budget is null)
        {
        }

        Assert.IsTrue(Steps.All(step => step.LearningRate is > 0 and <= Rate && step.TimeLeft > TimeSpan.Zero));
        Assert.IsGreaterThan(5, Steps.Count());
    }

    [TestMethod]
    public void Run_TakenBack_GoesOnByTheClock()
    {
        var forwards = 0;

        var (weights, result) = Run(budget: 16.2, epochs: 100, validate: false, guess: Math.Log(2), prepare: model =>
        {
            var tick = model.BeforeForward;
            model.BeforeForward = () =>
            {
                tick!();
                if (++forwards == 4)
                {
                    model.Poison();
                }
            };
        });

        Assert.IsNull(result.Failure);
        Assert.HasCount(1, _warnings);
        Assert.IsTrue(weights.All(float.IsFinite));
        Assert.AreEqual(16, _clock.Seconds); // of which one second each for the batch that went wrong and the looks at the ends of epochs
        var steps = Steps.ToArray();
        Assert.AreEqual(Rate / 2 * Expected(3), steps[3].LearningRate, 1e-6);
        StringAssert.Contains(_notes[^1], "The TimeBudget is used up");

        static double Expected(int second) => 1 - (second / (16.2 - (1 / 3.0))); // a third of a step is kept free for the look at the end
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    [DataRow(6)] // the report of an epoch
    [DataRow(7)]
    [DataRow(14)] // the last step
    [DataRow(15)] // the report of the epoch that is cut off
    public void Run_Interrupted_HasTheTimeThatIsLeft(int cancelAtReport)
    {
        var (expected, _) = Run(budget: 12, epochs: 100, validate: false);
        var places = _reports.Select(Place).Distinct().ToArray();
        _clock.Advance(-_clock.Seconds);
        _reports.Clear();
        Interrupt(cancelAtReport, budget: 12, validate: false);
        _clock.Advance(1e6); // the time of the interruption does not count

        var (weights, result) = Run(budget: 12, epochs: 100, validate: false, checkpoints: true);

        CollectionAssert.AreEqual(places, _reports.Select(Place).Distinct().ToArray());
        CollectionAssert.AreEqual(expected, weights);
        Assert.AreEqual("3.2", places[^1]);
        Assert.AreEqual(3, result.BestEpoch);
        var left = TimeSpan.FromSeconds(12 - _reports.Take(cancelAtReport).Count(report => !report.EndOfEpoch));
        Assert.IsTrue(_notes.Contains($"The run goes on after step {_reports[cancelAtReport - 1].Step} of epoch {_reports[cancelAtReport - 1].Epoch}. Of its TimeBudget {left} are left."));
    }

    [TestMethod]
    [DataRow(4)]
    [DataRow(7)]
    public void Run_InterruptedWithValidation_EndsOnTime(int cancelAtReport)
    {
        Interrupt(cancelAtReport, budget: 13.7);

        Run(budget: 13.7, epochs: 100, checkpoints: true);

        Assert.AreEqual(13.5, _clock.Seconds);
        Assert.AreEqual("3.2", Place(_reports[^1]));
        Assert.IsNotNull(_reports[^1].ValidationLoss);
    }

    [TestMethod]
    [DataRow(3, "1.3", DisplayName = "in an epoch")]
    [DataRow(8, "2.2")]
    public void Run_ResumedWithoutTimeLeft_ValidatesWhatItHas(int cancelAtReport, string expected)
    {
        Interrupt(cancelAtReport);
        _reports.Clear();

        var (_, result) = Run(budget: -1, epochs: 100, checkpoints: true);

        Assert.AreEqual(expected, Place(_reports.Single()));
        Assert.IsTrue(_reports.Single() is { EndOfEpoch: true, ValidationLoss: > 0 });
        Assert.AreEqual(_reports.Single().Epoch, result.BestEpoch);
    }

    [TestMethod]
    public void Run_ResumedWithoutTimeLeftBetweenEpochs_EndsWithTheLastOne()
    {
        var (kept, calls) = (Array.Empty<float>(), 0);
        Assert.ThrowsExactly<OperationCanceledException>(() => Run(
            budget: 1000, epochs: 100, checkpoints: true, report: (model, _) => kept = model.Weights, checkAlive: () =>
            {
                if (++calls == 8) // five steps and two batches of validation rows before
                {
                    throw new OperationCanceledException();
                }
            }));
        _reports.Clear();

        var (weights, result) = Run(budget: -1, epochs: 100, checkpoints: true);
        var (again, _) = Run(budget: -1, epochs: 100, checkpoints: true);

        Assert.IsEmpty(_reports);
        Assert.AreEqual(1, result.BestEpoch);
        CollectionAssert.AreEqual(kept, weights);
        CollectionAssert.AreEqual(kept, again);
        StringAssert.Contains(_notes[^2], "the run ends after epoch 1, 5 steps in all.");
        StringAssert.Contains(_notes[^1], "had ended");
    }

    [TestMethod]
    public void Run_CutAndInterruptedInItsValidation_MakesNoFurtherStep()
    {
        var (expected, _) = Run(budget: 2.5, epochs: 100);
        _clock.Advance(-_clock.Seconds);
        _reports.Clear();
        var calls = 0;
        Assert.ThrowsExactly<OperationCanceledException>(() => Run(budget: 2.5, epochs: 100, checkpoints: true, checkAlive: () =>
        {
            if (++calls == 4)
            {
                throw new OperationCanceledException(); // between the batches of validation rows
            }
        }));

        var (weights, _) = Run(budget: 1000, epochs: 100, checkpoints: true); // it was decided before

        CollectionAssert.AreEqual(new[] { "1.1", "1.2", "1.2" }, _reports.Select(Place).ToArray());
        CollectionAssert.AreEqual(expected, weights);
    }

    [TestMethod]
    public void Run_CutEpoch_LeavesNoTensors()
    {
        using var model = new PointClassifier();
        Run(budget: 13.7, epochs: 100, stopping: new EarlyStopping(), model: model);
        var before = LiveTensors.Settled();

        Run(budget: 13.7, epochs: 100, stopping: new EarlyStopping(), model: model);

        Assert.AreEqual("3.2", Place(_reports[^1]));
        Assert.AreEqual(before, TorchSharp.torch.Tensor.TotalCount);
    }

    private static string Place(TrainingProgress report) => $"{report.Epoch}.{report.Step}";

    private void Interrupt(int atReport, double budget = 1000, bool validate = true) => Assert.ThrowsExactly<OperationCanceledException>(() => Run(
        budget, epochs: 100, validate, checkpoints: true, report: (_, _) =>
        {
            if (_reports.Count == atReport)
            {
                throw new OperationCanceledException();
            }
        }));

    private (float[] Weights, TrainingResult Result) Run(
        double? budget, int epochs, bool validate = true, OptimizerOptions? optimizer = null, EarlyStopping? stopping = null, double? guess = null, bool checkpoints = false,
        bool wrongLabels = false, Func<int, double>? stepTime = null, Action<PointClassifier>? prepare = null, Action<PointClassifier, TrainingProgress>? report = null,
        Action? checkAlive = null, PointClassifier? model = null)
    {
        var steps = 0;
        using var own = model is null ? new PointClassifier() : null;
        model ??= own!;
        model.BeforeForward = () => _clock.Advance(model.Modes[^1] ? stepTime?.Invoke(++steps) ?? 1 : Validation / 2);
        prepare?.Invoke(model);
        using var states = checkpoints ? TrainingCheckpoints.Open(_folder, new CheckpointInterval { Time = null }, resume: true, _warnings.Add) : null;
        var loop = new TrainingLoop(model, new SoftmaxCrossEntropy(), new TrainingSettings
        {
            Optimizer = optimizer ?? Ief with { LearningRate = Rate, Schedule = LearningRateSchedule.Linear },
            ClassCount = 2,
            EpochCount = epochs,
            TimeBudget = budget is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            Clock = _clock,
            Seed = 1,
            EarlyStopping = stopping,
            GuessLoss = guess,
            Warn = _warnings.Add,
            Notify = _notes.Add,
            CheckAlive = checkAlive,
            Checkpoints = states,
            Report = progress =>
            {
                _reports.Add(progress);
                report?.Invoke(model, progress);
            },
        });
        var result = loop.Run(new PointSource(40, 8), validate ? new PointSource(16, 8, wrongLabels) : null);
        return (model.Weights, result);
    }
}
