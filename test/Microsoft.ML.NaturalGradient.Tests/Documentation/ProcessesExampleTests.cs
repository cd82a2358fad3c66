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
}
