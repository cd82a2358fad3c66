using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>The transformer in services: engines, threads, disposal, and saving again.</summary>
[TestClass]
public sealed class NaturalGradientOnnxTransformerTests
{
    private static readonly string Folder = Directory.CreateTempSubdirectory("onnx-transformer").FullName;
    private static readonly Lazy<(float[][] Scores, string[] Classes)> Expected = new(CreateModel);

    private readonly MLContext _mlContext = new(seed: 1);

    private static string ModelPath => Path.Combine(Folder, "served.zip");

    [ClassCleanup]
    public static void RemoveFolder() => Directory.Delete(Folder, recursive: true);

    [TestMethod]
    public void PredictionEngines_ShareATransformer_AndScoreLikeTransform()
    {
        var expected = Expected.Value.Scores;
        using var model = Load();
        var options = new PredictionEngineOptions { OwnsTransformer = false };
        using var engine = _mlContext.Model.CreatePredictionEngine<TextRow, Prediction>(model, options);
        using var other = _mlContext.Model.CreatePredictionEngine<TextRow, Prediction>(model, options);

        foreach (var (row, scores) in Rows().Zip(expected))
        {
            var prediction = engine.Predict(row);

            SaveForServingTests.AssertNear([scores], [prediction.Score]);
            Assert.AreEqual(scores[0] >= scores[1] ? 1u : 2u, prediction.PredictedLabel);
            CollectionAssert.AreEqual(prediction.Score, other.Predict(row).Score);
        }
    }

    [TestMethod]
    public void Transform_FromTwoThreads_GivesTheSameScores()
    {
        var expected = Expected.Value.Scores;
        using var model = Load();
        var data = TinyText.View(_mlContext, Rows());

        var results = Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(2).Select(_ => TinyText.Scores(model, data)).ToArray();

        foreach (var result in results)
        {
            SaveForServingTests.AssertNear(expected, result);
        }
    }

    [TestMethod]
    public void Dispose_WhileOthersScore_EndsInScoresOrTheRightError()
    {
        var expected = Expected.Value.Scores;
        for (var round = 0; round < 5; round++)
        {
            var model = Load();
            var data = TinyText.View(_mlContext, Rows());
            using var started = new CountdownEvent(2);
            var threads = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
            {
                try
                {
                    for (var i = 0; i < 50; i++)
                    {
                        SaveForServingTests.AssertNear(expected, TinyText.Scores(model, data));
                        if (i == 0)
                        {
                            started.Signal();
                        }
                    }
                }
                catch (ObjectDisposedException)
                {
                    // What a call after the disposal gets.
                }
            })).ToArray();
            started.Wait(TimeSpan.FromMinutes(1));

            model.Dispose();
            model.Dispose();
            Task.WaitAll(threads);

            var error = Assert.ThrowsExactly<ObjectDisposedException>(() => TinyText.Scores(model, data));
            StringAssert.Contains(error.Message, "OwnsTransformer = false");
            Assert.ThrowsExactly<ObjectDisposedException>(() => _mlContext.Model.Save(model, data.Schema, new MemoryStream()));
        }
    }

    [TestMethod]
    public void Save_LoadedModel_GivesTheSameBytesOfTheGraph()
    {
        _ = Expected.Value;
        using var model = Load();
        var path = Path.Combine(Folder, "again.zip");

        _mlContext.Model.Save(model, null, path);

        CollectionAssert.AreEqual(Graph(ModelPath), Graph(path));
        using var again = (IDisposable)_mlContext.Model.Load(path, out _);
        SaveForServingTests.AssertNear(Expected.Value.Scores, TinyText.Scores((ITransformer)again, TinyText.View(_mlContext, Rows())));
    }

    [TestMethod]
    public void Load_TemporaryFolder_HasNoFileAfterwards()
    {
        _ = Expected.Value;
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "temporary")).FullName;
        using (var model = (NaturalGradientOnnxTransformer)new MLContext { TempFilePath = folder }.Model.Load(ModelPath, out _))
        {
            Assert.AreEqual(OperatingSystem.IsWindows() ? 1 : 0, Directory.GetFiles(folder, "*.onnx").Length); // elsewhere it has no name any more
            SaveForServingTests.AssertNear(Expected.Value.Scores, TinyText.Scores(model, TinyText.View(_mlContext, Rows())));
        }

        Assert.IsEmpty(Directory.GetFiles(folder, "*.onnx"));
    }

    [TestMethod]
    public void Load_NoTemporaryFolder_KeepsTheGraphInMemory()
    {
        _ = Expected.Value;
        var mlContext = new MLContext { TempFilePath = Path.Combine(Folder, "no-such-folder") };
        using var model = (NaturalGradientOnnxTransformer)mlContext.Model.Load(ModelPath, out _);
        using var stream = new MemoryStream();

        _mlContext.Model.Save(model, null, stream);

        using var again = (IDisposable)_mlContext.Model.Load(stream, out _);
        SaveForServingTests.AssertNear(Expected.Value.Scores, TinyText.Scores((ITransformer)again, TinyText.View(_mlContext, Rows())));
    }

    [TestMethod]
    public void Load_GraphIsDamaged_LeavesNoTemporaryFile()
    {
        _ = Expected.Value;
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "temporary-damaged")).FullName;
        var bytes = File.ReadAllBytes(ModelPath);
        bytes[bytes.AsSpan().IndexOf("model.onnx"u8) + 2000] ^= 1;

        Assert.Throws<Exception>(() => new MLContext { TempFilePath = folder }.Model.Load(new MemoryStream(bytes), out _));

        Assert.IsEmpty(Directory.GetFiles(folder, "*.onnx"));
    }

    [TestMethod]
    public void Transform_NoOutputRead_ComputesNothing()
    {
        _ = Expected.Value;
        var model = Load();
        var scored = model.Transform(TinyText.View(_mlContext, Rows()));
        model.Dispose();

        Assert.HasCount(Rows().Length, scored.GetColumn<float>("Id").ToArray()); // a disposed model is not asked
    }

    [TestMethod]
    public void OutputNames_OfClasses_AreTheirNames()
    {
        using var model = Load();

        CollectionAssert.AreEqual(Expected.Value.Classes, model.OutputNames.ToArray());
    }

    [TestMethod]
    public void UseOnnxScoring_OneThread_GivesTheSameScores()
    {
        var expected = Expected.Value.Scores;
        var mlContext = new MLContext().UseOnnxScoring(new OnnxScoringOptions { ThreadCount = 1 });
        using var model = (NaturalGradientOnnxTransformer)mlContext.Model.Load(ModelPath, out _);

        SaveForServingTests.AssertNear(expected, TinyText.Scores(model, TinyText.View(mlContext, Rows())));
    }

    [TestMethod]
    public void UseOnnxScoring_NoThreads_IsRefused()
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _mlContext.UseOnnxScoring(new OnnxScoringOptions { ThreadCount = 0 }));

        StringAssert.Contains(error.Message, "at least 1 thread");
    }

    private static TextRow[] Rows() => TinyText.Rows(40);

    private static byte[] Graph(string path)
    {
        using var zip = System.IO.Compression.ZipFile.OpenRead(path);
        using var stream = zip.Entries.Single(entry => entry.Name == "model.onnx").Open();
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    private static (float[][] Scores, string[] Classes) CreateModel()
    {
        var mlContext = new MLContext(seed: 1);
        using var trained = TinyText.Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 40));
        mlContext.Model.SaveForServing(trained, null, ModelPath);
        return (TinyText.Scores(trained, TinyText.View(mlContext, Rows())), [.. trained.Model.ClassNames]);
    }

    private NaturalGradientOnnxTransformer Load()
    {
        _ = Expected.Value;
        return (NaturalGradientOnnxTransformer)_mlContext.Model.Load(ModelPath, out _);
    }

    private sealed class Prediction
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
