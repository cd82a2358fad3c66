using System.Text.Json;
using System.Text.Json.Nodes;
using ReplicationSample;
using Samples;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

/// <summary>The replication sample's experiments with learning rates around the default.</summary>
[TestClass]
public sealed class RateExperimentTests
{
    private const string File = """
        {
          // comments and commas at the end are allowed
          "name": "rates", "task": "sst2", "trainingRows": 500, "epochCounts": [1, 5], "rateFactors": [4, 0.25, 1], "seeds": [1, 2],
          "optimizers": [{ "method": "iEF" }, { "method": "AdamW", "learningRate": 0.01 }],
          "parts": [{ "name": "two" }, { "name": "many", "task": "synthetic", "classes": 150, "trainingRows": 300, "adapter": { "kind": "LoRA", "rank": 4 } },],
        }
        """;

    [TestMethod]
    public void Parse_Parts_AreTheFileWithWhatEachSaysInstead()
    {
        var parts = ExperimentFile.Parse(File);

        CollectionAssert.AreEqual(new[] { "two", "many" }, parts.Select(part => part.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "sst2", "synthetic" }, parts.Select(part => part.Task).ToArray());
        CollectionAssert.AreEqual(new[] { 500, 300 }, parts.Select(part => part.TrainingRows).ToArray());
        CollectionAssert.AreEqual(new[] { "LoRA", "LoRA" }, parts.Select(part => part.Adapter as JsonObject is { } adapter ? adapter["kind"]!.ToString() : part.Adapter.ToString()).ToArray());
        Assert.IsTrue(parts.All(part => part is { Study: "rates", Seeds.Count: 2, Optimizers.Count: 2 }));
        Assert.AreEqual(150, parts[1].Classes);
    }

    [TestMethod]
    public void Parse_NoParts_IsOneExperimentOfItsOwn()
    {
        var single = ExperimentFile.Parse("""{ "name": "one", "task": "reviews" }""").Single();

        Assert.AreEqual(("one", "one"), (single.Name, single.Study));
    }

    [TestMethod]
    [DataRow("""{ "name": "a", "task": "mr", "parts": [{}, {}] }""", "Two parts are called \"a\"")]
    [DataRow("""{ "name": "a", "task": "mr", "parts": [] }""", "\"parts\"")]
    [DataRow("""{ "name": "a", "task": "mr", "parts": [1] }""", "A part is no object: 1")]
    [DataRow("""{ "name": "a", "task": "mr", "epochCounts": [0] }""", "\"epochCounts\" is 0")]
    [DataRow("""{ "name": "a", "task": "mr", "rateFactors": [1, -1] }""", "\"rateFactors\"")]
    [DataRow("""{ "name": "a", "task": "pictures", "imageSize": 0 }""", "\"imageSize\" is 0")]
    [DataRow("[1]", "It holds no object.")]
    public void Parse_BadFile_SaysWhatIsWrong(string text, string message) =>
        StringAssert.Contains(Assert.ThrowsExactly<JsonException>(() => ExperimentFile.Parse(text)).Message, message, StringComparison.Ordinal);

    [TestMethod]
    public void Plan_Rates_RunsEachSeedLengthOptimizerAndFactor()
    {
        var cells = Cell.Plan(ExperimentKind.Rates, ExperimentFile.Parse(File)[0]);

        Assert.HasCount(2 * 2 * 2 * 3, cells);
        Assert.AreEqual(cells.Count, cells.DistinctBy(cell => cell.FileName).Count());
        Assert.AreEqual(1, cells.DistinctBy(cell => cell.GroupKey).Count(), "runs of both lengths share a table");
        CollectionAssert.AreEqual(new[] { 0.25, 1, 4 }, cells.Take(3).Select(cell => cell.RateFactor!.Value).ToArray());
        CollectionAssert.AreEquivalent(new[] { 1, 5 }, cells.Select(cell => cell.Experiment.Epochs).Distinct().ToArray());
    }

    [TestMethod]
    public void Plan_RatesOfAGrid_IsRefused()
    {
        var experiment = ExperimentFile.Parse("""{ "name": "a", "task": "mr", "optimizers": [{ "method": "SGD", "learningRate": [1, 2] }] }""")[0];

        StringAssert.Contains(Assert.ThrowsExactly<UsageException>(() => Cell.Plan(ExperimentKind.Rates, experiment)).Message, "SGD", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Plan_OtherKinds_KeepTheKeysOfTheirFinishedCells()
    {
        var cell = Cell.Plan(ExperimentKind.E2, ExperimentFile.Parse("""{ "name": "a", "task": "mr", "optimizers": [{ "method": "iEF" }] }""")[0]).Single();

        CollectionAssert.AreEqual(
            new[] { "kind", "task", "trainingRows", "validationRows", "epochs", "batchSize", "imageSize", "encoder", "adapter", "maxSequenceLength", "probe", "optimizer", "seed" },
            cell.Settings.Select(setting => setting.Key).ToArray());
    }

    [TestMethod]
    public void Times_Factor_MultipliesTheRateOfTheFileOrTheDefault()
    {
        var choices = OptimizerChoice.Read(ExperimentFile.Parse(File)[0].Optimizers);
        using var weights = new TorchSharp.Modules.Parameter(TorchSharp.torch.zeros(2, 2));
        using var optimizer = Optimizers.Ief.CreateFor([weights], 40);

        Assert.IsNull(choices[0].Times(1, 40).Options.LearningRate, "the default is left to the library");
        Assert.AreEqual(optimizer.LearningRate, choices[0].Times(1, 40).Rate);
        Assert.AreEqual(4 * optimizer.LearningRate, choices[0].Times(4, 40).Options.LearningRate);
        Assert.AreEqual(0.0025, choices[1].Times(0.25, 40).Options.LearningRate!.Value, 1e-15);
    }

    [TestMethod]
    public void AgainstDefault_Grid_ComparesMeansAndCountsAFailureAsAGuess()
    {
        FinishedCell[] runs =
        [
            Run(0.25, 1, 0.6, 0.70), Run(0.25, 2, 0.6, 0.80), Run(1, 1, 0.5, 0.72), Run(1, 2, 0.3, 0.74),
            Run(4, 1, 0.2, 0.90), Run(4, 2, null, null) with { Failure = "The training loss became NaN." },
        ];

        var table = RateTables.AgainstDefault(RatePoint.Of(runs));

        CollectionAssert.AreEqual(
            new[]
            {
                "test", "4", "2", "iEF", "2", "0.730 ± 0.014", "0.750 (×1/4)", "0.020", "0.400 ± 0.141", "0.400 (×1)", "0.000", "0.575, 0.793", "1",
            },
            table.Rows.Single().ToArray());
        StringAssert.Contains(table.Notes[^1], "test, epochs 2, iEF ×4, seed 2: The training loss became NaN. Counted as a uniform guess.", StringComparison.Ordinal);
    }

    [TestMethod]
    public void AgainstDefault_MissingSeed_IsSaid()
    {
        var table = RateTables.AgainstDefault(RatePoint.Of([Run(1, 1, 0.5, 0.7), Run(1, 2, 0.5, 0.7), Run(4, 1, 0.5, 0.7)]));

        StringAssert.Contains(table.Notes[^1], "iEF ×4: only 1 of 2 seeds", StringComparison.Ordinal);
    }

    private static FinishedCell Run(double factor, int seed, double? loss, double? accuracy) => new()
    {
        Kind = ExperimentKind.Rates,
        Experiment = "test",
        Study = "study",
        GroupKey = "",
        Optimizer = "iEF",
        LearningRate = 2 * factor,
        RateFactor = factor,
        Seed = seed,
        ClassCount = 4,
        Settings = new JsonObject { ["epochs"] = 2 },
        Seconds = 1,
        Epochs = [],
        Returned = loss is null ? null : new ReturnedResult(loss.Value, accuracy!.Value),
    };
}
