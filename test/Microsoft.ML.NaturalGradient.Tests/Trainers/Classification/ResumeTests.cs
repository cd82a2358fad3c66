using static Microsoft.ML.NaturalGradient.Optimizers;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Trainers go on where they were interrupted.</summary>
[TestClass]
public sealed class ResumeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("resume").FullName;

    private int _reports; // of all runs of a test

    private string Checkpoints => Path.Combine(_folder, "checkpoints");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("LoRA with dropout")]
    [DataRow("Full")]
    [DataRow("T5")]
    [DataRow("SF")]
    public void Fit_TextsInterrupted_GivesEqualScores(string kind)
    {
        float[] Train(bool checkpoints, int cancelAt = 0)
        {
            var mlContext = new MLContext(seed: 3);
            var data = TinyText.KeyedRows(mlContext, 40);
            using var cancellation = new CancellationTokenSource();
            using var model = TinyText.Trainer(mlContext, options =>
            {
                options.Optimizer = kind == "SF" ? Sf : Ief;
                options.Adapter = kind == "Full" ? Adapters.Full : Adapters.LoRA with { Dropout = 0.1 };
                options.Model = kind == "T5" ? TinyT5.Model : options.Model;
                options.ValidationSetFraction = 0.2;
                options.EarlyStopping = new EarlyStopping();
                options.MaxEpoch = 3;
                Interrupt(options, checkpoints, cancelAt, cancellation);
            }).Fit(data);
            return [.. TinyText.Scores(model, data).SelectMany(row => row)];
        }

        var expected = Train(checkpoints: false);
        var reports = _reports;

        foreach (var cancelAt in new[] { 2, 3, 5 })
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => Train(checkpoints: true, cancelAt));
        }

        CollectionAssert.AreEqual(expected, Train(checkpoints: true));
        Assert.AreEqual(2 * reports, _reports); // no step was taken twice
    }

    [TestMethod]
    public void Fit_PicturesInterrupted_GivesEqualScores()
    {
        float[] Train(bool checkpoints, int cancelAt = 0)
        {
            var mlContext = new MLContext(seed: 3);
            var data = TinyImages.KeyedRows(mlContext);
            var steps = 0;
            using var cancellation = new CancellationTokenSource();
            using var model = TinyImages.Trainer(mlContext, options =>
            {
                options.Augmentation = new ImageAugmentation();
                options.ValidationSetFraction = 0.2;
                options.CheckpointFolder = checkpoints ? Checkpoints : null;
                options.CancellationToken = cancellation.Token;
                options.MetricsCallback = _ =>
                {
                    _reports++;
                    if (++steps == cancelAt)
                    {
                        cancellation.Cancel();
                    }
                };
            }).Fit(data);
            return [.. TinyImages.Scores(model, data).SelectMany(row => row)];
        }

        var expected = Train(checkpoints: false);
        var reports = _reports;

        foreach (var cancelAt in new[] { 2, 3 })
        {
            Assert.ThrowsExactly<OperationCanceledException>(() => Train(checkpoints: true, cancelAt));
        }

        CollectionAssert.AreEqual(expected, Train(checkpoints: true));
        Assert.AreEqual(2 * reports, _reports);
    }

    [TestMethod]
    public void Fit_ContextWithoutASeed_GoesOnWithThatOfTheState()
    {
        var lines = new List<string>();
        float[] Train(int cancelAt = 0)
        {
            var mlContext = new MLContext();
            mlContext.Log += (_, e) => lines.Add(e.Message);
            var data = TinyText.KeyedRows(mlContext, 40);
            using var cancellation = new CancellationTokenSource();
            using var model = TinyText.Trainer(mlContext, options => Interrupt(options, checkpoints: true, cancelAt, cancellation)).Fit(data);
            return [.. TinyText.Scores(model, data).SelectMany(row => row)];
        }

        Assert.ThrowsExactly<OperationCanceledException>(() => Train(cancelAt: 3));
        var scores = Train();

        CollectionAssert.AreEqual(scores, Train()); // the run had ended
        Assert.IsTrue(lines.Any(line => line.Contains("The run goes on after step 3 of epoch 1.", StringComparison.Ordinal)), string.Join('\n', lines));
        Assert.IsTrue(lines.Any(line => line.Contains("States of the run saved: 2, which took ", StringComparison.Ordinal)), string.Join('\n', lines));
    }

    // It only measures.
    [TestMethod]
    public void Fit_AnotherQualityProbe_GoesOn()
    {
        float[] Train(bool checkpoints, int cancelAt, int? every)
        {
            var mlContext = new MLContext(seed: 3);
            var data = TinyText.KeyedRows(mlContext, 40);
            using var cancellation = new CancellationTokenSource();
            using var model = TinyText.Trainer(mlContext, options =>
            {
                Interrupt(options, checkpoints, cancelAt, cancellation);
                options.QualityProbe = every is null ? null : new QualityProbe { Every = every };
            }).Fit(data);
            return [.. TinyText.Scores(model, data).SelectMany(row => row)];
        }

        var expected = Train(checkpoints: false, 0, null);
        Assert.ThrowsExactly<OperationCanceledException>(() => Train(checkpoints: true, 3, null));

        CollectionAssert.AreEqual(expected, Train(checkpoints: true, 0, 2));
    }

    [TestMethod]
    [DataRow("rows", "training rows was 40, ")]
    [DataRow("seed", "seed was 3, now 4")]
    [DataRow("batch", "BatchSize was 8, now 4")]
    [DataRow("adapter", "the adapter was {")]
    [DataRow("epochs", "MaxEpoch was 2, now 5")]
    [DataRow("time", "TimeBudget was nothing, now 01:00:00")]
    public void Fit_AnotherRun_IsRefusedByName(string change, string expected)
    {
        void Train(string? change)
        {
            var mlContext = new MLContext(seed: change == "seed" ? 4 : 3);
            TinyText.Trainer(mlContext, options =>
            {
                options.CheckpointFolder = Checkpoints;
                options.BatchSize = change == "batch" ? 4 : 8;
                options.MaxEpoch = change == "epochs" ? 5 : 2;
                options.TimeBudget = change == "time" ? TimeSpan.FromHours(1) : null;
                options.Adapter = change == "adapter" ? Adapters.LoRA with { Rank = 2 } : Adapters.LoRA;
            }).Fit(TinyText.KeyedRows(mlContext, 40, change == "rows" ? ["bad", "good"] : [])).Dispose();
        }

        Train(null);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Train(change));

        StringAssert.Contains(error.Message, expected);
        Train(null); // the state is still there
    }

    [TestMethod]
    [DataRow(2, true)]
    [DataRow(1, false)]
    public void Fit_AnotherLoadedAdapter_IsRefusedByName(int seed, bool keepHead)
    {
        PretrainedAdapter Save(int seed)
        {
            var (mlContext, folder) = (new MLContext(seed), Path.Combine(_folder, $"adapter{seed}"));
            using var model = TinyText.Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 16));
            model.Model.SavePeft(folder);
            return PublicCheckpoints.LoadPeft(folder);
        }

        void Train(PretrainedAdapter adapter)
        {
            var mlContext = new MLContext(seed: 3);
            TinyText.Trainer(mlContext, options => (options.CheckpointFolder, options.Adapter) = (Checkpoints, adapter)).Fit(TinyText.KeyedRows(mlContext, 16)).Dispose();
        }

        var first = Save(1);
        var other = (seed == 1 ? first : Save(seed)) with { KeepHead = keepHead };
        Train(first);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Train(other));

        StringAssert.Contains(error.Message, $"another run: the loaded adapter was {first.Identity}, now {other.Identity}. ");
        Train(first);
    }

    [TestMethod]
    public void Fit_FolderInUse_IsRefusedBeforeAnythingIsRead()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 40);
        IOException? error = null;
        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.CheckpointFolder = Checkpoints;
            options.MetricsCallback = _ => error ??= Assert.ThrowsExactly<IOException>(
                () => TinyText.Trainer(mlContext, others => others.CheckpointFolder = Checkpoints).Fit(data));
        }).Fit(data);

        StringAssert.Contains(error?.Message, "Another run uses the folder");
    }

    [TestMethod]
    public void Fit_DocumentedExample_LeavesItsState()
    {
        var (mlContext, folder) = (new MLContext(seed: 1), Checkpoints);
        var data = TinyText.KeyedRows(mlContext, 6);

        #region Interrupted runs
        var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Sentence1ColumnName = "Text",
            MaxEpoch = 20,
            CheckpointFolder = folder, // for example "checkpoints/reviews"
        });
        using var model = trainer.Fit(data); // run the program again, and it goes on where it was
        #endregion

        CollectionAssert.AreEquivalent(
            new[] { "training-state.safetensors", "training-state.previous.safetensors", ".training.lock" }, Directory.GetFiles(folder).Select(Path.GetFileName).ToArray());
    }

    private void Interrupt(TextTrainerOptions options, bool checkpoints, int cancelAt, CancellationTokenSource cancellation)
    {
        var steps = 0;
        options.CheckpointFolder = checkpoints ? Checkpoints : null;
        options.CancellationToken = cancellation.Token;
        options.MetricsCallback = _ =>
        {
            _reports++;
            if (++steps == cancelAt)
            {
                cancellation.Cancel();
            }
        };
    }
}
