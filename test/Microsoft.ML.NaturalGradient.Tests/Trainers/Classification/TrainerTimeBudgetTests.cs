using Microsoft.ML.NaturalGradient.Tests.Training;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Trainers end when their time is up, by a clock on which reading the rows takes three seconds, a step one and the end of an epoch a half.</summary>
[TestClass]
public sealed class TrainerTimeBudgetTests : IDisposable
{
    private const int StepCount = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("trainer-time-budget").FullName;
    private readonly FakeClock _clock = new();
    private readonly List<TrainingProgress> _reports = [];
    private readonly List<string> _lines = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Fit_TimeIsUp_EndsWithAValidatedEpochAndSaysSo()
    {
        Fit(TimeSpan.FromSeconds(10.2));

        // 3 s for the rows, 4.5 s for the first epoch, two steps and a validation.
        Assert.AreEqual(10, _clock.Seconds);
        Assert.IsTrue(_reports[^1] is { Epoch: 2, Step: 2, StepCount: StepCount, EndOfEpoch: true, ValidationLoss: not null });
        AssertSaid("The training ends 00:00:10.2000000 after Fit began (TimeBudget), of which 00:00:03 are over, or after 1000 epochs (MaxEpoch) if that is sooner.");
        AssertSaid("The TimeBudget is used up: the run ends after step 2 of 4 in epoch 2, 6 steps in all.");
        AssertSaid("The model has the weights of epoch ");
    }

    [TestMethod]
    public void Fit_ReadingTookAllTheTime_MakesOneStep()
    {
        var scores = Fit(TimeSpan.FromSeconds(2));

        Assert.AreEqual((1, 1), (_reports[^1].Epoch, _reports[^1].Step));
        Assert.HasCount(2, _reports);
        Assert.IsTrue(scores.All(float.IsFinite));
    }

    [TestMethod]
    public void Fit_TimeIsNotUp_GivesEqualScores()
    {
        var expected = Fit(null, epochs: 2);
        Assert.IsFalse(_lines.Any(line => line.Contains("TimeBudget", StringComparison.Ordinal)));

        CollectionAssert.AreEqual(expected, Fit(TimeSpan.FromDays(1), epochs: 2));
        Assert.IsFalse(_lines.Any(line => line.Contains("The TimeBudget is used up", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_MoreThanADay_SaysAllHoursThatAreLeft()
    {
        Fit(null, epochs: 2, secondsOfStep: 40_000);

        Assert.IsTrue(_lines.Any(line => line.Contains("Epoch 1/2", StringComparison.Ordinal) && line.EndsWith(" rows/s, 44:26:40 left.", StringComparison.Ordinal)), string.Join('\n', _lines));
    }

    [TestMethod]
    public void Fit_Resumed_HasTheTimeThatItsStepsLeft()
    {
        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(TimeSpan.FromSeconds(10.2), cancelAt: 3));
        _clock.Advance(1000);

        Fit(TimeSpan.FromSeconds(10.2), cancelAt: 0);

        Assert.IsTrue(_reports[^1] is { Epoch: 2, Step: 2, EndOfEpoch: true });
        AssertSaid("The run goes on after step 3 of epoch 1. Of its TimeBudget 00:00:04 are left."); // 10.2 s, less 3 s for three steps and 3 s for reading anew
    }

    [TestMethod]
    public void Fit_ResumedWithAnotherTime_IsRefusedByName()
    {
        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(TimeSpan.FromSeconds(10), cancelAt: 3));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Fit(TimeSpan.FromSeconds(20), cancelAt: 0));
        StringAssert.Contains(error.Message, "TimeBudget was 00:00:10, now 00:00:20");
        error = Assert.ThrowsExactly<InvalidOperationException>(() => Fit(null, cancelAt: 0));
        StringAssert.Contains(error.Message, "TimeBudget was 00:00:10, now nothing");
    }

    private void AssertSaid(string words) =>
        Assert.IsTrue(_lines.Any(line => line.Contains(words, StringComparison.Ordinal)), string.Join('\n', _lines));

    private float[] Fit(TimeSpan? budget, int epochs = 1000, int? cancelAt = null, double secondsOfStep = 1)
    {
        var (mlContext, isRead, reports) = (new MLContext(seed: 3), true, 0);
        mlContext.Log += (_, e) => _lines.Add(e.Message);
        IEnumerable<TextRow> Rows()
        {
            if (!isRead)
            {
                isRead = true;
                _clock.Advance(3);
            }

            foreach (var row in TinyText.Rows(40))
            {
                yield return row;
            }
        }

        using var cancellation = new CancellationTokenSource();
        var view = TinyText.View(mlContext, Rows());
        var data = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
        isRead = false;
        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.TimeBudget = budget;
            options.Clock = _clock;
            options.MaxEpoch = epochs;
            options.ValidationSetFraction = 0.2;
            options.EarlyStopping = new EarlyStopping { Patience = 1000 };
            options.CheckpointFolder = cancelAt is null ? null : _folder;
            options.CheckpointEvery = new CheckpointInterval { Time = null };
            options.CancellationToken = cancellation.Token;
            options.MetricsCallback = progress =>
            {
                _reports.Add(progress);
                _clock.Advance(progress.EndOfEpoch ? 0.5 : secondsOfStep);
                if (++reports == cancelAt)
                {
                    cancellation.Cancel();
                }
            };
        }).Fit(data);
        return [.. TinyText.Scores(model, data).SelectMany(row => row)];
    }
}
