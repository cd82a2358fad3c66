using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Tests.Optimization;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

[TestClass]
public sealed class DivergenceGuardTests : IDisposable
{
    private const int Steps = 40;

    private readonly PointClassifier _model = new();
    private readonly List<TrainingProgress> _reports = [];
    private readonly List<string> _warnings = [];
    private int _step;

    public void Dispose() => _model.Dispose();

    [TestMethod]
    public void Run_HealthyRun_IsLeftAlone()
    {
        Run(Ief, 4, guarded: true);
        var guarded = _model.Weights;

        using var plain = new PointClassifier();
        new TrainingLoop(plain, new SoftmaxCrossEntropy(), Settings(Ief, 4, guarded: false)).Run(new PointSource(320, 8), null);

        Assert.IsEmpty(_warnings);
        CollectionAssert.AreEqual(plain.Weights, guarded);
    }

    [TestMethod]
    public void Run_WeightsBecomeNaN_GoesOnFromGoodWeightsAtHalfTheRate()
    {
        Spoil(at: 25, weights => weights.fill_(float.NaN));

        var result = Run(Ief with { Schedule = LearningRateSchedule.Linear }, 2, guarded: true);

        Assert.IsNull(result.Failure);
        Assert.IsTrue(_model.Weights.All(float.IsFinite));
        Assert.HasCount(1, _warnings);
        StringAssert.Contains(_warnings[0], "became NaN at step 25 of epoch 1");
        StringAssert.Contains(_warnings[0], "of epoch 1 with half the learning rate");
        var steps = _reports.Where(report => !report.EndOfEpoch).ToArray();
        Assert.HasCount(2 * Steps, steps); // no batch is lost
        Assert.AreEqual(Ief.ResolveLearningRate(2) * (1 - (23.0 / (2 * Steps))), steps[23].LearningRate, 1e-9);
        Assert.AreEqual(Ief.ResolveLearningRate(2) / 2 * (1 - (24.0 / (2 * Steps))), steps[24].LearningRate, 1e-9);
    }

    [TestMethod]
    public void Run_LossRisesFar_IsTakenBack()
    {
        Spoil(at: 25, Confuse);

        Run(Ief, 1, guarded: true);

        StringAssert.Contains(_warnings.Single(), "rose from 0.");
        Fixture.AssertLess(Math.Log(2), _reports[^1].Loss);
    }

    [TestMethod]
    public void Run_RateFarTooLarge_EndsBetterThanAGuess()
    {
        Run(Optimizers.Sgd with { LearningRate = 1e4 }, 2, guarded: true);

        Assert.IsNotEmpty(_warnings);
        Fixture.AssertLess(Math.Log(2), new PointSource(320, 8).Evaluate(_model.Weights).Loss);

        using var plain = new PointClassifier();
        new TrainingLoop(plain, new SoftmaxCrossEntropy(), Settings(Optimizers.Sgd with { LearningRate = 1e4 }, 2, guarded: false))
            .Run(new PointSource(320, 8), null);
        Assert.IsGreaterThan(Math.Log(2), new PointSource(320, 8).Evaluate(plain.Weights).Loss); // what the guard saves the run from
    }

    [TestMethod]
    public void Run_LastStepRuinsTheWeights_IsTakenBack()
    {
        Spoil(at: Steps + 1, Confuse); // the look at the weights after the last step

        var result = Run(Ief, 1, guarded: true);

        Assert.IsNull(result.Failure);
        StringAssert.Contains(_warnings.Single(), "at the end of epoch 1");
        Fixture.AssertLess(Math.Log(2), new PointSource(320, 8).Evaluate(_model.Weights).Loss);
    }

    [TestMethod]
    public void Run_CannotBeSaved_ReturnsTheBestWeightsAndSaysWhatToDo()
    {
        float[] good = [];
        _model.BeforeForward = () =>
        {
            if (++_step > 25)
            {
                good = good.Length == 0 ? _model.Weights : good;
                _model.Poison();
            }
        };

        var result = Run(Ief, 3, guarded: true);

        Assert.HasCount(DivergenceGuard.MostRescues, _warnings);
        Assert.AreEqual(1, result.BestEpoch);
        StringAssert.Contains(result.Failure, "8 times before");
        StringAssert.Contains(result.Failure, "Lower LearningRate");
        StringAssert.Contains(result.Failure, "of epoch 1.");
        Assert.IsTrue(_model.Weights.All(float.IsFinite));
        Fixture.AssertLess(Math.Log(2), new PointSource(320, 8).Evaluate(_model.Weights).Loss);
    }

    [TestMethod]
    public void Run_WrongFromTheStart_ThrowsRatherThanReturnAnUntrainedModel()
    {
        _model.BeforeForward = () =>
        {
            if (++_step > 1)
            {
                _model.Poison();
            }
        };

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Run(Ief, 3, guarded: true));

        StringAssert.Contains(error.Message, "became NaN at step 2 of epoch 1");
        StringAssert.Contains(error.Message, "Lower LearningRate");
    }

    [TestMethod]
    public void Run_EveryStepFails_ThrowsThoughFewerThanTheReturnsAllowed()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => new TrainingLoop(
            _model, new SoftmaxCrossEntropy(), Settings(Optimizers.Sgd with { LearningRate = 1e30 }, 3, guarded: true)).Run(new PointSource(8, 8), null));

        Assert.HasCount(3, _warnings);
        StringAssert.Contains(error.Message, "at the end of epoch 3");
        StringAssert.Contains(error.Message, "Nothing was learned.");
    }

    [TestMethod]
    [DataRow(2, 1.2, 4)]
    [DataRow(256, 1.2, 4)]
    [DataRow(1000, 1.2, 16)] // about half of the classes were seen then
    [DataRow(2, 1.01, 8)] // so little is trouble only when it lasts
    public void Watch_LossAboveAGuess_IsTroubleOnceEnoughRowsWereSeen(int classes, double loss, int expected)
    {
        const int Rows = 32;
        using var guard = new DivergenceGuard(
            _model.TrainableParameters, () => Sgd.Create([.. _model.TrainableParameters.Select(named => named.Value)], 1), Math.Log(classes));
        using var first = torch.full(Rows, Math.Log(classes), torch.ScalarType.Float64);
        using var later = torch.full(Rows, loss * Math.Log(classes), torch.ScalarType.Float64);
        Assert.IsNull(guard.Watch(first, first.mean().item<double>(), 1, 0));

        var steps = Enumerable.Range(1, 100).First(step => guard.Watch(later, later.mean().item<double>(), 1, step) is not null);

        Assert.AreEqual(expected, steps);
    }

    [TestMethod]
    public void Watch_LossOfAGuess_IsNotWorthGoingBackTo()
    {
        using var guard = new DivergenceGuard(
            _model.TrainableParameters, () => Sgd.Create([.. _model.TrainableParameters.Select(named => named.Value)], 1), Math.Log(2));
        foreach (var (factor, learned) in new[] { (0.995, false), (0.9, true) })
        {
            using var losses = torch.full(32, factor * Math.Log(2), torch.ScalarType.Float64);
            for (var step = 0; step < 40; step++)
            {
                Assert.IsNull(guard.Watch(losses, losses.mean().item<double>(), 1, step));
            }

            Assert.AreEqual(learned, guard.HasLearned);
        }
    }

    [TestMethod]
    public void Run_TakenBack_LeavesNoTensors()
    {
        Spoil(at: 25, weights => weights.fill_(float.NaN));
        Run(Ief, 1, guarded: true);
        var before = LiveTensors.Settled();

        _step = 0;
        Run(Ief, 2, guarded: true);

        Assert.HasCount(2, _warnings, string.Join('\n', _warnings));
        Assert.AreEqual(before, TorchSharp.torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Run_EveryOptimizer_CanBeTakenBackToTheStart()
    {
        foreach (var options in EveryOptimizer.All.Select(row => (OptimizerOptions)row[1]))
        {
            using var model = new PointClassifier();
            _warnings.Clear();
            var settings = Settings(options, 1, guarded: true) with
            {
                Report = progress =>
                {
                    if (progress is { Step: 3, EndOfEpoch: false })
                    {
                        model.Poison();
                    }
                },
            };

            new TrainingLoop(model, new SoftmaxCrossEntropy(), settings).Run(new PointSource(96, 8), null);

            Assert.IsNotEmpty(_warnings, options.Name);
            Assert.IsTrue(model.Weights.All(float.IsFinite), options.Name);
        }
    }

    private static void Confuse(TorchSharp.torch.Tensor weights) => weights.copy_(TorchSharp.torch.tensor(new[,] { { 30f, -30f }, { -30f, 30f } }));

    // Changes the weights before one forward pass, from 1.
    private void Spoil(int at, Action<TorchSharp.torch.Tensor> change) => _model.BeforeForward = () =>
    {
        if (++_step == at)
        {
            using var noGrad = TorchSharp.torch.no_grad();
            change(_model.TrainableParameters[0].Value);
        }
    };

    private TrainingResult Run(OptimizerOptions optimizer, int epochs, bool guarded) =>
        new TrainingLoop(_model, new SoftmaxCrossEntropy(), Settings(optimizer, epochs, guarded)).Run(new PointSource(320, 8), null);

    private TrainingSettings Settings(OptimizerOptions optimizer, int epochs, bool guarded) => new()
    {
        Optimizer = optimizer,
        ClassCount = 2,
        EpochCount = epochs,
        Seed = 1,
        GuessLoss = guarded ? Math.Log(2) : null,
        Warn = _warnings.Add,
        Report = _reports.Add,
    };
}
