using Microsoft.ML.NaturalGradient.Tests.Collectives;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Processes, threads here, of which one cannot begin, differs or is stopped: all hear of it, and none waits for another.</summary>
[TestClass]
[DoNotParallelize]
public sealed class RunMembersTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("members").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    // None of them changes the weights, or it is too early to compare what does.
    [TestMethod]
    [DataRow("probe", "differs in QualityProbe: QualityProbe { Every = 2, ")]
    [DataRow("directions", "differs in QualityProbe: QualityProbe { Every = 50, ")]
    [DataRow("solve", "differs in Solve of HeadOnly: False, where process 0 has True. Give all processes the same rows and settings.")]
    [DataRow("fraction", "differs in ValidationSetFraction: 0.25, where process 0 has 0. Give all processes the same settings.")]
    public void Fit_SettingOfOneProcess_IsAnErrorInAll(string setting, string message)
    {
        var messages = new string[2];

        InMemoryCollective.Run(2, collective =>
        {
            var isSecond = collective.Rank == 1;
            var mlContext = new MLContext(seed: 5);
            var trainer = TinyText.Trainer(mlContext, options =>
            {
                options.Collective = collective;
                options.Adapter = setting == "solve" ? Adapters.HeadOnly with { Solve = !isSecond } : options.Adapter;
                options.ValidationSetFraction = setting == "fraction" && isSecond ? 0.25 : 0;
                options.QualityProbe = setting switch
                {
                    "probe" when isSecond => new QualityProbe { Every = 2 },
                    "directions" => new QualityProbe { Directions = isSecond ? [Optimizers.Ef] : [Optimizers.Ief] },
                    _ => null,
                };
            });
            messages[collective.Rank] = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(TinyText.KeyedRows(mlContext, 16))).Message;
        });

        StringAssert.StartsWith(messages[0], $"Process 1 of 2 {message}");
        Assert.AreEqual(messages[0], messages[1]);
    }

    [TestMethod]
    public void Fit_ProcessWithoutItsDevice_IsAnErrorInAll()
    {
        var messages = new string[2];

        InMemoryCollective.Run(2, collective =>
        {
            var mlContext = new MLContext(seed: 5) { GpuDeviceId = collective.Rank == 1 ? 99 : null };
            var trainer = TinyText.Trainer(mlContext, options => options.Collective = collective);
            messages[collective.Rank] = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(TinyText.KeyedRows(mlContext, 16))).Message;
        });

        StringAssert.StartsWith(messages[0], "Process 1 of 2 cannot go on: GpuDeviceId is 99");
        StringAssert.StartsWith(messages[1], "GpuDeviceId is 99");
    }

    // What fails is what the measurement tells the log.
    [TestMethod]
    public void Fit_PrecisionCannotBeMeasuredInOneProcess_IsAnErrorInAll()
    {
        var messages = new string[2];

        InMemoryCollective.Run(2, collective =>
        {
            var mlContext = Logging(collective, "Precision: ", () => new InvalidOperationException("No memory is left."));
            var trainer = TinyText.Trainer(mlContext, options => (options.Collective, options.Precision) = (collective, Precision.Auto));
            messages[collective.Rank] = Assert.Throws<InvalidOperationException>(() => trainer.Fit(TinyText.KeyedRows(mlContext, 16))).Message;
        });

        StringAssert.Contains(messages[0], "No memory is left.");
        StringAssert.StartsWith(messages[1], "Process 0 of 2 cannot go on: ");
        StringAssert.Contains(messages[1], "No memory is left.");
    }

    [TestMethod]
    [DataRow(3)]
    [DataRow(5)]
    public void Fit_CallbackOfOneProcessIsCancelled_StopsAllAndGoesOnFromThere(int report)
    {
        var (expected, found, reports) = (new float[2][], new float[2][], new int[2]);
        InMemoryCollective.Run(2, collective => expected[collective.Rank] = Train(collective, null, _ => { }));

        InMemoryCollective.Run(2, collective => Assert.ThrowsExactly<OperationCanceledException>(() => Train(collective, _folder, _ =>
        {
            if (++reports[collective.Rank] == report && collective.Rank == 1)
            {
                throw new OperationCanceledException("The callback was told to stop.");
            }
        })));
        InMemoryCollective.Run(2, collective => found[collective.Rank] = Train(collective, _folder, _ => { }));

        CollectionAssert.AreEqual(new[] { report, report }, reports);
        CollectionAssert.AreEqual(expected[0], found[0]);
        CollectionAssert.AreEqual(found[0], found[1]);

        static float[] Train(ICollective collective, string? folder, Action<TrainingProgress> callback)
        {
            var mlContext = new MLContext(seed: 5);
            var data = TinyText.KeyedRows(mlContext, 30); // 4 steps of an epoch
            using var model = TinyText.Trainer(mlContext, options =>
                (options.Collective, options.CheckpointFolder, options.MetricsCallback) = (collective, folder, callback)).Fit(data);
            return [.. TinyText.Scores(model, data).SelectMany(row => row)];
        }
    }

    // Other threads prepare them ahead of the steps.
    [TestMethod]
    public void Fit_ChangingPicturesAndOneProcessIsCancelled_StopsAll() => InMemoryCollective.Run(2, collective =>
    {
        var mlContext = new MLContext(seed: 5);
        using var stop = new CancellationTokenSource();
        var steps = 0;
        var trainer = TinyImages.Trainer(mlContext, options =>
        {
            (options.Collective, options.Augmentation, options.CancellationToken) = (collective, new ImageAugmentation(), stop.Token);
            options.MetricsCallback = _ =>
            {
                if (++steps == 2 && collective.Rank == 1)
                {
                    stop.Cancel();
                }
            };
        });

        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(TinyImages.KeyedRows(mlContext)));

        Assert.AreEqual(2, steps);
    });

    [TestMethod]
    public void Fit_CancelledWhereTheOthersWait_EndsAll()
    {
        var error = Assert.Throws<InvalidOperationException>(() => InMemoryCollective.Run(2, collective =>
        {
            var mlContext = Logging(collective, "Each of 2 processes evaluates ", () => new OperationCanceledException("The log is closed."));
            TinyText.Trainer(mlContext, options => options.Collective = collective).Fit(TinyText.KeyedRows(mlContext, 16)).Dispose();
        }));

        StringAssert.StartsWith(error.Message, "Process 0 of 2: "); // that of Abort
        StringAssert.Contains(error.Message, "The log is closed.");
    }

    // A context whose log fails at a line, which the first process writes.
    private static MLContext Logging(ICollective collective, string line, Func<Exception> fail)
    {
        var mlContext = new MLContext(seed: 5);
        mlContext.Log += (_, message) =>
        {
            if (collective.Rank == 0 && message.RawMessage.StartsWith(line, StringComparison.Ordinal))
            {
                throw fail();
            }
        };
        return mlContext;
    }
}
