using System.Globalization;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Tests.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Optimization;
using Microsoft.ML.NaturalGradient.Training;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

/// <summary>A run that was interrupted and goes on is, in every bit, one that was not.</summary>
[TestClass]
public sealed class TrainingCheckpointsTests : IDisposable
{
    private const int Epochs = 3;
    private const int Steps = 6;
    private const int ValidationBatches = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("training-checkpoints").FullName;
    private readonly List<string> _warnings = [];
    private readonly List<string> _notes = [];

    private string StatePath => Path.Combine(_folder, TrainingCheckpoints.FileName);

    private string PreviousPath => Path.Combine(_folder, TrainingCheckpoints.PreviousName);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Run_CancelledAnywhere_EndsAtTheWeightsOfOneThatWasNot(string name, OptimizerOptions options)
    {
        var (expected, expectedReports) = Train(options, checkpoints: false);

        // The calls before which the run is cancelled: a start, the middle of an epoch, the look at its end, validation, the last step.
        foreach (var calls in new[] { new[] { 1, 11 }, [4, 2, 5], [Steps + 1], [(3 * Steps) + (2 * ValidationBatches), 1] })
        {
            Clear();
            var reports = new List<TrainingProgress>();
            foreach (var call in calls)
            {
                Assert.ThrowsExactly<OperationCanceledException>(() => Train(options, cancelBefore: call, reports: reports), name);
            }

            var (weights, _) = Train(options, reports: reports);

            CollectionAssert.AreEqual(expected, weights, $"{name}, cancelled before {string.Join(", ", calls)}");
            CollectionAssert.AreEqual(Epochal(expectedReports), Epochal(reports), name);
        }
    }

    [TestMethod]
    public void Run_CancelledInACallback_EndsAtTheSameWeights()
    {
        var (expected, _) = Train(Ief, checkpoints: false);
        for (var report = 1; report <= Epochs * (Steps + 1); report++)
        {
            Clear();
            Assert.ThrowsExactly<OperationCanceledException>(() => Train(Ief, cancelAtReport: report));

            CollectionAssert.AreEqual(expected, Train(Ief).Weights, $"cancelled at report {report}");
        }
    }

    [TestMethod]
    public void Run_TakenBackBeforeOrAfterTheInterruption_EndsAtTheSameWeights()
    {
        void Spoil(PointClassifier model, int call)
        {
            if (call is 5 or 14)
            {
                model.Poison();
            }
        }

        var (expected, _) = Train(Ief, checkpoints: false, beforeForward: Spoil);
        Assert.HasCount(2, _warnings);

        // Forward passes are counted from the start of the whole run.
        foreach (var cancelBefore in new[] { 3, 10 })
        {
            Clear();
            var forwards = 0;
            Assert.ThrowsExactly<OperationCanceledException>(() => Train(Ief, cancelBefore: cancelBefore, beforeForward: (model, _) => Spoil(model, ++forwards)));
            var (weights, _) = Train(Ief, beforeForward: (model, _) => Spoil(model, ++forwards));

            CollectionAssert.AreEqual(expected, weights);
        }
    }

    [TestMethod]
    public void Run_EarlyStopping_StopsAtTheSameEpochWithTheSameWeights()
    {
        var stopping = new EarlyStopping { Patience = 1, MinDelta = 0.5 };
        var (expected, reports) = Train(Ief, checkpoints: false, stopping: stopping);
        Assert.AreEqual(2, reports.Count(report => report.EndOfEpoch));

        Assert.ThrowsExactly<OperationCanceledException>(() => Train(Ief, cancelBefore: Steps + 4, stopping: stopping));
        var (weights, _) = Train(Ief, stopping: stopping);

        CollectionAssert.AreEqual(expected, weights);
    }

    [TestMethod]
    public void Run_HadEnded_GivesItsModelWithoutTraining()
    {
        var (expected, _) = Train(Ief);

        var (weights, reports) = Train(Ief);

        CollectionAssert.AreEqual(expected, weights);
        Assert.IsEmpty(reports);
        StringAssert.Contains(_notes[^1], "had ended");
    }

    [TestMethod]
    public void Run_ResumeIsFalse_BeginsAnew()
    {
        Train(Ief);

        var (_, reports) = Train(Ief, resume: false);

        Assert.AreEqual(Epochs * (Steps + 1), reports.Count);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(1000)]
    [DataRow(-20)]
    public void Open_DamagedState_TakesTheOneBefore(int position)
    {
        var (expected, _) = Train(Ief, checkpoints: false);
        Assert.ThrowsExactly<OperationCanceledException>(() => Train(Ief, cancelBefore: (2 * (Steps + ValidationBatches)) + 3));
        var content = File.ReadAllBytes(StatePath);
        content[position < 0 ? content.Length + position : position] ^= 4;
        File.WriteAllBytes(StatePath, content);

        var (weights, _) = Train(Ief);

        CollectionAssert.AreEqual(expected, weights);
        StringAssert.Contains(_warnings.Single(), "goes on from 'training-state.previous.safetensors', step 0 of epoch 3");
    }

    [TestMethod]
    public void Open_NoStateCanBeRead_SaysWhatToDo()
    {
        Train(Ief);
        File.WriteAllBytes(StatePath, File.ReadAllBytes(StatePath)[..500]);
        File.WriteAllText(PreviousPath, "");

        var error = Assert.ThrowsExactly<InvalidDataException>(() => Train(Ief));

        StringAssert.Contains(error.Message, "Set Resume to false");
        Train(Ief, resume: false);
    }

    [TestMethod]
    [DataRow("\"Epoch\":2", "\"Epoch\":9", "Epoch 9", DisplayName = "beyond the last epoch, from where a run would never end")]
    [DataRow("\"Epoch\":2", "\"Epoch\":-2", "Epoch -2")]
    [DataRow("\"Step\":3", "\"Step\":-3", "Step -3")]
    [DataRow("\"Step\":3", "\"Step\":7", "Step 7")]
    [DataRow("\"Rescues\":0", "\"Rescues\":-2000000000", "Guard GuardPosition")]
    [DataRow("\"RateFactor\":1", "\"RateFactor\":1e300", "Guard GuardPosition")]
    [DataRow("\"Sums\":{", "\"Sums\":null,\"Other\":{", "Sums missing")]
    [DataRow("\"Measured\":0", "\"Measured\":-1", "Measured -1")]
    public void Run_FromAPositionToWhichNoRunComes_IsRefused(string before, string after, string expected)
    {
        Assert.ThrowsExactly<OperationCanceledException>(() => Train(Ief, cancelBefore: Steps + ValidationBatches + 4));
        StateForgery.Change(StatePath, position =>
        {
            StringAssert.Contains(position, before);
            return position.Replace(before, after, StringComparison.Ordinal);
        });

        var error = Assert.ThrowsExactly<InvalidDataException>(() => Train(Ief));

        StringAssert.Contains(error.Message, $"The state of the run has {expected}");
        StringAssert.Contains(error.Message, "Set Resume to false");
    }

    [TestMethod]
    public void Run_FromAForgedState_GoesOnFromItsWeights()
    {
        var (expected, _) = Train(Ief, checkpoints: false);
        Assert.ThrowsExactly<OperationCanceledException>(() => Train(Ief, cancelBefore: Steps + ValidationBatches + 4));
        StateForgery.Change(StatePath, position => position, weight: 0.5f);

        var (weights, _) = Train(Ief);

        CollectionAssert.AreNotEqual(expected, weights); // a hash that everybody can compute finds damage only
        Assert.IsEmpty(_warnings);
    }

    [TestMethod]
    public void Save_PlaceOfTheNextStateIsALink_LeavesTheFileItLeadsTo()
    {
        using var outside = new Outside("victim.txt");
        outside.LinkFrom(StatePath + ".next", "victim.txt");
        outside.LinkFrom(PreviousPath, "victim.txt");

        Train(Ief, resume: false);

        Assert.IsTrue(outside.Has("victim.txt"));
        Assert.IsNull(new FileInfo(StatePath).LinkTarget);
        Assert.IsNull(new FileInfo(PreviousPath).LinkTarget);
        Assert.IsEmpty(_warnings);
    }

    [TestMethod]
    public void Open_LockIsALink_IsRefusedAndMakesNoFile()
    {
        using var outside = new Outside();
        outside.LinkFrom(Path.Combine(_folder, ".training.lock"), "made.txt");

        Assert.ThrowsExactly<IOException>(() => Train(Ief));

        Assert.IsEmpty(Directory.GetFiles(outside.Path));
    }

    [TestMethod]
    public void Open_FolderIsAFile_NamesTheSetting()
    {
        Directory.CreateDirectory(_folder);
        var path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "");

        var error = Assert.ThrowsExactly<IOException>(() => TrainingCheckpoints.Open(path, new CheckpointInterval(), resume: true, _ => { }));

        StringAssert.StartsWith(error.Message, $"The folder '{path}' cannot keep checkpoints: ");
        StringAssert.EndsWith(error.Message, "Set CheckpointFolder to a folder that can be written.");
    }

    [TestMethod]
    public void Take_StateOfAnotherRun_NamesWhatDiffers()
    {
        Train(Ief);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Train(Ief with { Damping = 0.2 }));

        StringAssert.Contains(error.Message, "optimizer was IefOptions");
        StringAssert.Contains(error.Message, "Damping = 0.2");
        Assert.IsFalse(error.Message.Contains("epochs was", StringComparison.Ordinal), error.Message);
        StringAssert.Contains(error.Message, "set Resume to false");
    }

    [TestMethod]
    public void Run_ResumedUnderAnotherCulture_GoesOn()
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.ThrowsExactly<OperationCanceledException>(() => Train(Ief, cancelBefore: 4));
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("tr-TR");
            var (_, reports) = Train(Ief with { });

            Assert.AreEqual(4, reports[0].Step);
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            Assert.IsEmpty(Train(Ief).Reports);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [TestMethod]
    public void Save_FolderIsGone_WarnsAndTrainsOn()
    {
        var (expected, _) = Train(Ief, checkpoints: false);
        var gone = Path.Combine(_folder, "gone");

        var (weights, _) = Train(Ief, folder: gone, beforeForward: (_, call) =>
        {
            if (call == 2)
            {
                Directory.Delete(gone, recursive: true);
            }
        });

        CollectionAssert.AreEqual(expected, weights);
        Assert.HasCount(Epochs, _warnings);
        StringAssert.Contains(_warnings[0], "could not be saved");
    }

    [TestMethod]
    public void Save_DiskIsFull_KeepsTheStateBefore()
    {
        using var checkpoints = TrainingCheckpoints.Open(_folder, new CheckpointInterval(), resume: true, _warnings.Add);
        checkpoints.Save(stream => stream.Write("first"u8));

        checkpoints.Save(stream =>
        {
            stream.Write("second"u8);
            throw new IOException("No space left on device.");
        });

        Assert.AreEqual("first", File.ReadAllText(StatePath));
        StringAssert.Contains(_warnings.Single(), "No space left on device.");
        Assert.HasCount(2, Directory.GetFiles(_folder)); // and the lock
    }

    /// <summary>As a FAT disk says of a state of more than 4 GB; so .NET reports it.</summary>
    [TestMethod]
    public void Save_LongerThanFilesOfTheDisk_KeepsTheStateBefore()
    {
        using var checkpoints = TrainingCheckpoints.Open(_folder, new CheckpointInterval(), resume: true, _warnings.Add);
        checkpoints.Save(stream => stream.Write("first"u8));

        checkpoints.Save(_ => throw new ArgumentOutOfRangeException("value", "Specified file length was too large for the file system."));

        Assert.AreEqual("first", File.ReadAllText(StatePath));
        StringAssert.Contains(_warnings.Single(), "too large for the file system");
        Assert.HasCount(2, Directory.GetFiles(_folder)); // and the lock
    }

    [TestMethod]
    public void Open_FolderInUse_IsRefused()
    {
        using var first = TrainingCheckpoints.Open(_folder, new CheckpointInterval(), resume: true, _warnings.Add);

        var error = Assert.ThrowsExactly<IOException>(() => TrainingCheckpoints.Open(_folder, new CheckpointInterval(), resume: true, _warnings.Add));

        StringAssert.Contains(error.Message, "CheckpointFolder of its own");
    }

    [TestMethod]
    public void Save_EverySoManySteps_CanGoOnWithoutACancellation()
    {
        var (expected, _) = Train(Ief, checkpoints: false);

        // An error of the user's own code leaves no time to save.
        Assert.ThrowsExactly<InvalidTimeZoneException>(() => Train(Ief, interval: new CheckpointInterval { Steps = 2, Time = null }, beforeForward: (_, call) =>
        {
            if (call == Steps + 6)
            {
                throw new InvalidTimeZoneException();
            }
        }));
        var (weights, reports) = Train(Ief);

        CollectionAssert.AreEqual(expected, weights);
        Assert.AreEqual((2, 3), (reports[0].Epoch, reports[0].Step));
    }

    private static string[] Epochal(IEnumerable<TrainingProgress> reports) => [.. reports.Where(report => report.EndOfEpoch)
        .Select(report => FormattableString.Invariant($"{report.Epoch} {report.Loss:R} {report.Accuracy:R} {report.ValidationLoss:R} {report.LearningRate:R} {report.DeadRows}"))];

    private void Clear()
    {
        foreach (var file in Directory.GetFiles(_folder))
        {
            File.Delete(file);
        }

        _warnings.Clear();
    }

    private (float[] Weights, List<TrainingProgress> Reports) Train(
        OptimizerOptions options, bool checkpoints = true, int? cancelBefore = null, int? cancelAtReport = null, EarlyStopping? stopping = null, bool resume = true,
        string? folder = null, CheckpointInterval? interval = null, Action<PointClassifier, int>? beforeForward = null, List<TrainingProgress>? reports = null)
    {
        reports ??= [];
        var (calls, forwards, reported) = (0, 0, 0);
        using var model = new PointClassifier();
        model.BeforeForward = () => beforeForward?.Invoke(model, ++forwards);
        using var states = checkpoints ? TrainingCheckpoints.Open(folder ?? _folder, interval ?? new CheckpointInterval { Time = null }, resume, _warnings.Add) : null;
        states?.Identity.Add("optimizer", TrainingCheckpoints.Describe(options));
        states?.Identity.Add("epochs", "3");
        var loop = new TrainingLoop(model, new SoftmaxCrossEntropy(), new TrainingSettings
        {
            Optimizer = options,
            ClassCount = 2,
            EpochCount = Epochs,
            Seed = 1,
            EarlyStopping = stopping,
            GuessLoss = Math.Log(2),
            Warn = _warnings.Add,
            Notify = _notes.Add,
            Checkpoints = states,
            CheckAlive = () =>
            {
                if (++calls == cancelBefore)
                {
                    throw new OperationCanceledException();
                }
            },
            Report = progress =>
            {
                reports.Add(progress);
                if (++reported == cancelAtReport)
                {
                    throw new OperationCanceledException();
                }
            },
        });
        loop.Run(new PointSource(8 * Steps, 8), new PointSource(8 * ValidationBatches, 8));
        return (model.Weights, reports);
    }
}
