using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>The code of docs/processes.md, in the one process that a test is.</summary>
[TestClass]
public sealed class ProcessesExampleTests
{
    [TestMethod]
    public void Collective_WithoutLauncher_TrainsInOneProcess()
    {
        var folder = Directory.CreateTempSubdirectory("processes-example-").FullName;
        try
        {
            var mlContext = new MLContext(seed: 1);
            var data = TinyText.KeyedRows(mlContext, 24);
            var (encoder, checkpoints, file) = (TinyText.Model, Path.Combine(folder, "checkpoints"), Path.Combine(folder, "reviews.zip"));

            #region processes
            var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
            {
                Sentence1ColumnName = "Text",
                Model = encoder,
                CheckpointFolder = checkpoints, // of one run, whichever processes continue it
                Collective = Mpi.World,
            });
            using var model = trainer.Fit(data); // in all processes
            if (Mpi.World.Rank == 0)
            {
                mlContext.Model.Save(model, data.Schema, file);
            }
            #endregion

            Assert.AreEqual(1, Mpi.World.Size);
            Assert.IsTrue(File.Exists(file));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void ReadOwnRows_FilesOfEachProcess_AreLoaded()
    {
        var folder = Directory.CreateTempSubdirectory("processes-example-").FullName;
        try
        {
            var mlContext = new MLContext(seed: 1);
            foreach (var rows in TinyText.Rows(24, "good", "bad").Chunk(8))
            {
                File.WriteAllLines(Path.Combine(folder, $"{rows[0].Id}.tsv"), rows.Select(row => $"{row.Label}\t{row.Text}"));
            }

            var options = TinyText.Options();

            #region own-rows
            var files = Directory.GetFiles(folder, "*.tsv").Order(StringComparer.Ordinal).Where((_, i) => i % Mpi.World.Size == Mpi.World.Rank);
            var data = mlContext.Data.CreateTextLoader<Review>().Load([.. files]);
            var classes = mlContext.Data.LoadFromEnumerable(new[] { new { Label = "good" }, new { Label = "bad" } });
            (options.Collective, options.ReadOwnRows) = (Mpi.World, true);
            var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: classes) // the same keys in all processes
                .Append(mlContext.MulticlassClassification.Trainers.TextClassification(options));
            #endregion

            using var model = (IDisposable)pipeline.Fit(data);
            Assert.HasCount(24, ((ITransformer)model).Transform(data).GetColumn<float[]>("Score").ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class Review
    {
        [LoadColumn(0)]
        public string Label { get; set; } = "";

        [LoadColumn(1)]
        public string Text { get; set; } = "";
    }
}
