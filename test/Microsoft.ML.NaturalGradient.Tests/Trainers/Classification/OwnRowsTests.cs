using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Collectives;
using Microsoft.ML.NaturalGradient.Tests.Onnx;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Processes, threads here, that read rows of their own, against one that reads all.</summary>
[TestClass]
[DoNotParallelize]
public sealed class OwnRowsTests
{
    private const double Rounding = 1e-4; // of scores

    public static IEnumerable<object[]> Tasks => ServingTasks.Names.Select(task => new object[] { task });

    // The second of three has no rows.
    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Fit_EachProcessWithItsRows_GivesTheModelOfThoseThatReadAll(string task)
    {
        var (expected, found) = (new float[3][], new float[3][]);

        InMemoryCollective.Run(3, collective => expected[collective.Rank] = Train(collective, false));
        InMemoryCollective.Run(3, collective => found[collective.Rank] = Train(collective, true));

        Assert.IsNotEmpty(expected[0]);
        for (var rank = 0; rank < 3; rank++)
        {
            CollectionAssert.AreEqual(expected[0], found[rank], $"process {rank}");
        }

        float[] Train(ICollective collective, bool readOwn)
        {
            var mlContext = new MLContext(seed: 5);
            var all = ServingTasks.Rows(mlContext, task);
            using var model = (IDisposable)ServingTasks.Train(mlContext, task, readOwn ? Part(mlContext, all, collective, 2) : all, options =>
            {
                (options.BatchSize, options.ValidationSetFraction) = (5, Math.Max(options.ValidationSetFraction, 0.2));
                (options.Collective, options.ReadOwnRows) = (collective, readOwn);
            });
            return Scores(((ITransformer)model).Transform(all));
        }
    }

    [TestMethod]
    public void Fit_OwnValidationRowsWeightsAndChangingPictures_GivesTheModelOfOneWithAll()
    {
        var (expected, found) = (Train(null), new float[2][]);

        InMemoryCollective.Run(2, collective => found[collective.Rank] = Train(collective));

        Fixture.AssertLess(Rounding, expected.Zip(found[0], (one, other) => Math.Abs((double)one - other)).Max());
        CollectionAssert.AreEqual(found[0], found[1]);

        static float[] Train(ICollective? collective)
        {
            var mlContext = new MLContext(seed: 5);
            var all = TinyImages.KeyedRows(mlContext);
            using var model = TinyImages.Trainer(mlContext, options =>
            {
                (options.Augmentation, options.ClassWeights) = (new ImageAugmentation(), ClassWeights.Balanced);
                options.ValidationSet = Part(mlContext, mlContext.Data.TakeRows(all, 9), collective, 2);
                (options.Collective, options.ReadOwnRows) = (collective, true);
            }).Fit(Part(mlContext, mlContext.Data.SkipRows(all, 9), collective, 3));
            return Scores(model.Transform(all));
        }
    }

    // Skipped pictures of another process are counted and named in the first one's log.
    [TestMethod]
    public void Fit_UnreadablePictureOfAnotherProcess_IsSkippedInAll()
    {
        var log = new List<string>();

        InMemoryCollective.Run(2, collective =>
        {
            var mlContext = new MLContext(seed: 5);
            mlContext.Log += (_, line) => log.AddRange(collective.Rank == 0 && line.Kind > Runtime.ChannelMessageKind.Trace ? [line.RawMessage] : []);
            var rows = TinyImages.Rows();
            rows[^1].ImagePath += ".not-there";
            using var model = TinyImages.Trainer(mlContext, options => (options.UnreadableImages, options.Collective, options.ReadOwnRows) = (UnreadableImages.Skip, collective, true)).Fit(Part(mlContext, TinyImages.Keyed(mlContext, rows), collective, 2));
        });

        Assert.Contains(line => line.Contains("35.png.not-there", StringComparison.Ordinal) || line.Contains("11.png.not-there", StringComparison.Ordinal), log);
        Assert.Contains(line => line.StartsWith("35 training pictures; 0 rows skipped without a label, 1 whose picture could not be read.", StringComparison.Ordinal), log);
    }

    [TestMethod]
    [DataRow("classes", "Process 1 of 2 differs in class 1: 'b', where process 0 has 'a'. Give all processes the same keys")]
    [DataRow("more classes", "Process 1 of 2 differs in class 3: 'c', where process 0 has nothing.")]
    [DataRow("weight", "Process 1 of 2 cannot go on: Row 2 has the weight -1")]
    [DataRow("setting", "Process 1 of 2 differs in ReadOwnRows: False, where process 0 has True. Give all processes the same settings.")]
    [DataRow("checkpoints", "Process 1 of 2 differs in CheckpointFolder: given, where process 0 has none.")]
    [DataRow("validation rows", "Process 1 of 2 differs in ValidationSet: given, where process 0 has none. Give all processes the same settings.")]
    [DataRow("validation fraction", "Process 1 of 2 differs in ValidationSetFraction: 0.2, where process 0 has 0.")]
    [DataRow("empty", "The training data are empty.")]
    public void Fit_ProcessesThatDoNotFitTogether_IsAnErrorInAll(string how, string message)
    {
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var messages = new string[2];

        InMemoryCollective.Run(2, collective =>
        {
            var isSecond = collective.Rank == 1;
            var mlContext = new MLContext(seed: 5);
            string[] classes = how switch { "classes" when isSecond => ["b", "a"], "more classes" when isSecond => ["a", "b", "c"], _ => ["a", "b"] };
            var rows = Enumerable.Range(0, how == "empty" ? 0 : 6).Select(i => new Row { Text = "a good film", Label = classes[i % 2], Weight = isSecond && how == "weight" && i == 1 ? -1 : 1 });
            var view = mlContext.Data.LoadFromEnumerable(rows);
            var keys = mlContext.Data.LoadFromEnumerable(classes.Select(name => new { Name = name }));
            view = mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(view).Transform(view);
            var trainer = TinyText.Trainer(mlContext, options =>
            {
                (options.Collective, options.ReadOwnRows) = (collective, !(how == "setting" && isSecond));
                (options.ExampleWeightColumnName, options.CheckpointFolder) = ("Weight", how == "checkpoints" && isSecond ? folder : null);
                options.ValidationSet = how == "validation rows" && isSecond ? view : null;
                options.ValidationSetFraction = how == "validation fraction" && isSecond ? 0.2 : 0;
            });
            messages[collective.Rank] = Assert.Throws<InvalidOperationException>(() => trainer.Fit(view)).Message;
        });

        Assert.IsFalse(Directory.Exists(folder));
        StringAssert.Contains(messages[0], message);
        StringAssert.Contains(messages[1], how == "weight" ? "Row 2 has the weight -1" : message);
    }

    // Process r of K has rows from a first to a last of them: the second none where there are three.
    private static IDataView Part(MLContext mlContext, IDataView all, ICollective? collective, int first)
    {
        if (collective is null)
        {
            return all;
        }

        return collective.Rank == 0 ? mlContext.Data.TakeRows(all, first)
            : collective.Rank == collective.Size - 1 ? mlContext.Data.SkipRows(all, first)
            : mlContext.Data.SkipRows(all, int.MaxValue);
    }

    private static float[] Scores(IDataView scored) => scored.Schema["Score"].Type is NumberDataViewType
        ? [.. scored.GetColumn<float>("Score")] : [.. scored.GetColumn<VBuffer<float>>("Score").SelectMany(row => row.DenseValues())];

    private sealed class Row
    {
        public string Label { get; set; } = "";

        public string Text { get; set; } = "";

        public float Weight { get; set; }
    }
}
