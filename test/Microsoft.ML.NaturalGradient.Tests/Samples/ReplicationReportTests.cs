using System.Text.Json;
using System.Text.Json.Nodes;
using ReplicationSample;
using Samples;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

/// <summary>What the replication sample makes of finished cells, and of files with mistakes.</summary>
[TestClass]
public sealed class ReplicationReportTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("replication-report").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Columns_OneMethodWithSeveralDampings_AreOneForEach()
    {
        FinishedCell[] cells = [Finished("a", [Direction("iEF", 0.5, 0.8), Direction("iEF", 1e-7, 0.2), Direction("EF", 0.5, 0.4)]), Finished("a", [Direction("iEF", 0.5, 0.6)])];

        var columns = QualityColumn.Of(cells);

        CollectionAssert.AreEqual(new[] { "iEF, damping 0.5", "iEF, damping 1E-07", "EF" }, columns.Select(column => column.Name).ToArray());
        CollectionAssert.AreEqual(new[] { 0.7, 0.2, 0.4 }, columns.Select(column => column.MeanRatio(cells, 1)).ToArray());
        Assert.AreEqual(double.NaN, columns[0].MeanRatio(cells, 2));
    }

    [TestMethod]
    public void Report_DirectionsThatDifferInOtherSettings_KeepTheirNumbers()
    {
        var recorder = new EpochRecorder(_ => { });
        var report = new QualityReport
        {
            SgdGamma = 1,
            GradientNormSpread = 2,
            GramSpectrum = [],
            Directions = [Measured(Optimizers.Sf, 0.5), Measured(Optimizers.Sf with { Samples = 3 }, 0.25)],
        };

        recorder.Report(new TrainingProgress
        {
            Epoch = 1,
            EpochCount = 1,
            Step = 1,
            StepCount = 1,
            EndOfEpoch = true,
            Loss = 1,
            Accuracy = 1,
            LearningRate = 1,
            RowsPerSecond = 1,
            TimeLeft = TimeSpan.Zero,
            EpochQuality = [report],
        });

        var directions = recorder.Epochs.Single().Directions;
        CollectionAssert.AreEqual(new[] { "SF", "SF (2)" }, directions.Select(direction => direction.Method).ToArray());
        CollectionAssert.AreEqual(new[] { 0.5, 0.25 }, directions.Select(direction => direction.BatchRatios.Single()).ToArray());

        static DirectionQuality Measured(OptimizerOptions options, double gamma) =>
            new() { Method = "SF", Damping = 0.1, Optimizer = options, Gamma = gamma, RatioToSgd = gamma, Norm = 1, Projections = [] };
    }

    [TestMethod]
    public void LineNames_TwoEncoders_AreToldApart()
    {
        var (one, other) = (new MinutesResult("MR", "MiniLM: LoRA, iEF", 1, 0, 0.8, 0.5, 2, 60), new MinutesResult("MR", "BgeSmall: LoRA, iEF", 1, 0, 0.9, 0.4, 2, 60));

        CollectionAssert.AreEqual(new[] { "LoRA, iEF", "LoRA, iEF" }, MinutesResult.LineNames([one, other with { Task = "CoLA" }]).Values.ToArray());
        CollectionAssert.AreEqual(new[] { one.Way, other.Way }, MinutesResult.LineNames([one, other]).Values.ToArray());
    }

    [TestMethod]
    public void Next_NamesOfTheSameLetters_AreToldApart()
    {
        var names = new ReportNames();

        CollectionAssert.AreEqual(
            new[] { "e2-", "e2--2", "e2-a-b", "e2-a-b-2", "e1-a-b", "e2-a-b-key" },
            new[]
            {
                names.Next(ExperimentKind.E2, "λ", null),
                names.Next(ExperimentKind.E2, "μ", null),
                names.Next(ExperimentKind.E2, "A b", null),
                names.Next(ExperimentKind.E2, "a+b", null),
                names.Next(ExperimentKind.E1, "a b", null),
                names.Next(ExperimentKind.E2, "a b", "key"),
            });
    }

    [TestMethod]
    public void Present_FinishedUnderAnotherName_IsShownUnderTheNewOne()
    {
        var store = new CellStore(_folder, create: true);
        store.Write(Plan("old").Single(), Finished("old", []));

        store.Present(Plan("new").Single());

        Assert.AreEqual("new", store.ReadAll().Single().Experiment);
    }

    [TestMethod]
    [DataRow("""{ "name": "a", "task": "mr", "seeds": null }""")]
    [DataRow("""{ "name": "a", "task": "mr", "optimizers": [null] }""")]
    [DataRow("""{ "name": "a", "task": "mr", "directions": { "methods": null } }""")]
    [DataRow("""{ "name": "a", "task": "mr", "dampingSweep": { "methods": [null] } }""")]
    [DataRow("""{ "name": "a", "task": "mr", "pruning": { "methods": [{ "by": "EF" }, null] } }""")]
    [DataRow("""{ "name": "a", "task": "mr", "adapter": null }""")]
    [DataRow("""{ "name": null, "task": "mr" }""")]
    [DataRow("""{ "name": "a", "task": "mr", "optimizers": [{ "method": "iEF", "damping": 1, "damping": 2 }] }""")]
    [DataRow("""{ "name": "a", "task": "mr", "pruning": { "methods": [{ "by": "EF" }], "sparsities": [] } }""")]
    public void Parse_NullTwiceOrNothing_IsRefused(string text) => Assert.ThrowsExactly<JsonException>(() => ExperimentFile.Parse(text));

    [TestMethod]
    [DataRow("e1", "directions")]
    [DataRow("e3", "dampingSweep")]
    public void Plan_NothingToMeasure_IsRefused(string kind, string property)
    {
        var experiment = ExperimentFile.Parse($$"""{ "name": "a", "task": "mr", "{{property}}": { "methods": [] } }""")[0];

        StringAssert.Contains(
            Assert.ThrowsExactly<UsageException>(() => Cell.Plan(Enum.Parse<ExperimentKind>(kind, ignoreCase: true), experiment)).Message, $"no \"methods\" under \"{property}\"", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Plan_EmptyListOfRates_IsRefused()
    {
        var experiment = ExperimentFile.Parse("""{ "name": "a", "task": "mr", "optimizers": [{ "method": "iEF" }, { "method": "SGD", "learningRate": [] }] }""")[0];

        StringAssert.Contains(Assert.ThrowsExactly<UsageException>(() => Cell.Plan(ExperimentKind.E2, experiment)).Message, "The list of learning rates is empty", StringComparison.Ordinal);
    }

    private static Experiment Experiment(string name) =>
        ExperimentFile.Parse($$"""{ "name": "{{name}}", "task": "mr", "optimizers": [{ "method": "iEF" }] }""")[0];

    private static IReadOnlyList<Cell> Plan(string name) => Cell.Plan(ExperimentKind.E2, Experiment(name));

    private static DirectionResult Direction(string method, double damping, double ratio) => new(method, damping, ratio, ratio, 1, [ratio]);

    private static FinishedCell Finished(string name, IReadOnlyList<DirectionResult> directions) => new()
    {
        Kind = ExperimentKind.E2,
        Experiment = name,
        GroupKey = "key",
        Optimizer = "iEF",
        LearningRate = null,
        Seed = 1,
        Settings = new JsonObject { ["optimizer"] = new JsonObject() },
        Seconds = 1,
        Epochs =
        [
            new EpochResult
            {
                Epoch = 1,
                TrainingLoss = 1,
                TrainingAccuracy = 0.5,
                ValidationLoss = 1,
                ValidationAccuracy = 0.5,
                LearningRate = 1,
                Directions = directions,
            },
        ],
    };
}
