using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

/// <summary>A process that is killed while it saves leaves whole models: the old or the new one, never none and never a mixture.</summary>
[TestClass]
public sealed class InterruptedSaveTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("interrupted-save").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Kill_InTheMiddleOfSaves_LeavesOneOfTheModels()
    {
        var rows = TinyText.KeyedRows(_mlContext, 8);
        var paths = new[] { "first.zip", "second.zip" }.Select(name => Path.Combine(_folder, name)).ToArray();
        using var first = Train(Optimizers.Ief, paths[0]);
        using var second = Train(Optimizers.AdamW with { LearningRate = 0.05 }, paths[1]);
        float[] expected = [TinyText.Scores(first, rows)[0][0], TinyText.Scores(second, rows)[0][0]];
        Assert.AreNotEqual(expected[0], expected[1], 0.001f);
        var random = new Random(3);

        for (var kill = 0; kill < 3; kill++)
        {
            using var process = ScoringProcess.Start(["save", .. paths, _folder]);
            var errors = process.StandardError.ReadToEndAsync();
            Assert.IsNotNull(process.StandardOutput.ReadLine(), errors.IsCompleted ? errors.Result : "");
            Thread.Sleep(random.Next(60)); // the moment; a round of saves takes about as long
            process.Kill();
            process.WaitForExit();

            AssertOneOf(expected, LoadZip(), rows);
            AssertOneOf(expected, ML.Checkpoints.LoadTextClassifier(
                _mlContext, PretrainedModel.FromFolder(Path.Combine(_folder, "whole")), sentence1ColumnName: "Text"), rows);
            AssertOneOf(expected, ML.Checkpoints.LoadTextClassifier(
                _mlContext, TinyText.Model, ML.Checkpoints.LoadPeft(Path.Combine(_folder, "adapter")), ["good", "bad"], "Text"), rows);
        }

        _mlContext.Model.SaveAtomically(first, rows.Schema, Path.Combine(_folder, "model.zip"));
        first.Model.SavePretrained(Path.Combine(_folder, "whole"));
        first.Model.SavePeft(Path.Combine(_folder, "adapter"));
        var left = Directory.GetFileSystemEntries(_folder, ".*", SearchOption.AllDirectories);
        Assert.IsEmpty(left, string.Join(", ", left));
    }

    [TestMethod]
    public void SaveAtomically_ModelThatCannotBeSaved_KeepsTheOldFile()
    {
        var path = Path.Combine(_folder, "model.zip");
        var model = Train(Optimizers.AdamW, path);
        var before = File.ReadAllBytes(path);
        model.Dispose();

        _ = Assert.Throws<Exception>(() => _mlContext.Model.SaveAtomically(model, null, path));

        CollectionAssert.AreEqual(before, File.ReadAllBytes(path));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    private TextClassificationTransformer Train(OptimizerOptions optimizer, string path)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        var model = TinyText.Trainer(_mlContext, options => options.Optimizer = optimizer).Fit(data);
        _mlContext.Model.SaveAtomically(model, data.Schema, path);
        return model;
    }

    private TextClassificationTransformer LoadZip() => (TextClassificationTransformer)_mlContext.Model.Load(Path.Combine(_folder, "model.zip"), out _);

    private static void AssertOneOf(float[] expected, TextClassificationTransformer model, IDataView rows)
    {
        using (model)
        {
            var score = TinyText.Scores(model, rows)[0][0];
            Assert.IsTrue(expected.Any(value => Math.Abs(value - score) < 1e-5), $"{score} is neither of {string.Join(" and ", expected)}");
        }
    }
}
