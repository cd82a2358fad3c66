using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Imaging;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>What happens with pictures and settings that cannot be used.</summary>
[TestClass]
public sealed class ImageClassificationInputTests
{
    private readonly MLContext _mlContext = new(seed: 1);
    private readonly string _folder = Directory.CreateTempSubdirectory("image-input").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Contract_OfEstimators_Holds()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        var wrong = _mlContext.Data.LoadFromEnumerable([new WrongRow()]);

        EstimatorContract.Check(_mlContext, TinyImages.Trainer(_mlContext), data, wrong, "PredictedLabel", "Score");
    }

    [TestMethod]
    public void Fit_FeatureOfWrongType_SaysWhichTypesAreRead()
    {
        var view = _mlContext.Data.LoadFromEnumerable([new WrongRow { Label = "a" }, new WrongRow { Label = "b" }]);
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);

        var error = Assert.Throws<ArgumentOutOfRangeException>(() => TinyImages.Trainer(_mlContext).Fit(data));

        StringAssert.Contains(error.Message, "ImagePath");
        StringAssert.Contains(error.Message, "Vector<Byte>");
    }

    [TestMethod]
    [DataRow("zero bytes", "is empty")]
    [DataRow("cut off", "cut off")]
    [DataRow("no picture", "is not a picture")]
    [DataRow("missing", "does not exist")]
    [DataRow("bomb", "more than the limit")]
    public void Fit_UnreadablePicture_IsSkippedAndNamed(string kind, string problem)
    {
        var path = Write(kind);
        var rows = TinyImages.Rows().Append(new ImageRow { ImagePath = path, Label = "above" });
        var log = new List<string>();
        _mlContext.Log += (_, e) => log.Add(e.Message);
        var steps = 0;

        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.BatchSize = 1;
            options.Epoch = 1;
            options.MetricsCallback = progress => steps = Math.Max(steps, progress.Step);
        }).Fit(TinyImages.Keyed(_mlContext, rows));

        Assert.AreEqual(36, steps);
        Assert.IsTrue(log.Any(line => line.Contains(path, StringComparison.Ordinal) && line.Contains(problem, StringComparison.Ordinal)), string.Join('\n', log));
        Assert.IsTrue(log.Any(line => line.Contains("36 training pictures; 0 rows skipped without a label, 1 whose picture", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow("zero bytes", "is empty")]
    [DataRow("bomb", "more than the limit")]
    public void Fit_UnreadablePictureWithStop_ThrowsItsName(string kind, string problem)
    {
        var path = Write(kind);
        var rows = TinyImages.Rows().Append(new ImageRow { ImagePath = path, Label = "above" });

        var error = Assert.Throws<InvalidDataException>(() => TinyImages.Trainer(_mlContext, options => options.UnreadableImages = UnreadableImages.Stop)
            .Fit(TinyImages.Keyed(_mlContext, rows)));

        StringAssert.Contains(error.Message, path);
        StringAssert.Contains(error.Message, problem);
    }

    [TestMethod]
    public void Fit_ClassWithoutReadablePicture_NamesTheClassAndTheFirstProblem()
    {
        var path = Write("no picture");
        var rows = TinyImages.Rows().Append(new ImageRow { ImagePath = path, Label = "broken" });

        var error = Assert.ThrowsExactly<InvalidDataException>(() => TinyImages.Trainer(_mlContext).Fit(TinyImages.Keyed(_mlContext, rows)));

        StringAssert.Contains(error.Message, "'broken'");
        StringAssert.Contains(error.Message, path);
    }

    [TestMethod]
    public void Fit_ClassWithoutReadableValidationPicture_WarnsAndTrains()
    {
        var path = Write("no picture");
        var log = new List<(string Kind, string Message)>();
        _mlContext.Log += (_, e) => log.Add((e.Kind.ToString(), e.Message));
        var validation = TinyImages.Rows()[..6].Where(row => row.Label != "flat").Append(new ImageRow { ImagePath = path, Label = "flat" });

        using var model = Fit(validation);
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Fit([new ImageRow { ImagePath = path, Label = "flat" }]));

        Assert.AreEqual(1, log.Count(line => line.Kind == "Warning" && line.Message.Contains("The class 'flat' has no readable validation picture; 1 cannot be read. The first: ", StringComparison.Ordinal)));
        StringAssert.StartsWith(error.Message, "No validation picture can be read; there are 1. The first: ");
        StringAssert.Contains(error.Message, path);

        ImageClassificationTransformer Fit(IEnumerable<ImageRow> validation)
        {
            var rows = _mlContext.Data.LoadFromEnumerable(TinyImages.Rows());
            var keys = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows);
            return TinyImages.Trainer(_mlContext, options => (options.Epoch, options.ValidationSet) = (1, keys.Transform(_mlContext.Data.LoadFromEnumerable(validation)))).Fit(keys.Transform(rows));
        }
    }

    /// <summary>Which pictures are set aside is chance: it does not decide whether there is a model.</summary>
    [TestMethod]
    public void Fit_OnlyUnreadablePicturesSetAside_WarnsAndTrainsWithoutValidation()
    {
        var path = Write("no picture");
        var log = new List<string>();
        var rows = TinyImages.Rows()[..9];
        var broken = TinyImages.Rows()[..9].Select(row => new ImageRow { ImagePath = path, Label = row.Label });
        var losses = new List<double?>();
        var trained = 0;
        foreach (var seed in Enumerable.Range(0, 8))
        {
            var mlContext = new MLContext(seed);
            mlContext.Log += (_, e) => log.Add($"{e.Kind}: {e.Message}");
            using var model = TinyImages.Trainer(mlContext, options =>
            {
                (options.Epoch, options.ValidationSetFraction) = (1, 0.01); // one row
                options.MetricsCallback = progress => losses.Add(progress.ValidationLoss);
            }).Fit(TinyImages.Keyed(mlContext, rows.Concat(broken)));
            trained++;
        }

        var warned = log.Count(line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains("No validation picture can be read; there are 1. The first: ", StringComparison.Ordinal));
        Assert.AreEqual(8, trained);
        Assert.IsTrue(warned is > 0 and < 8, $"{warned}");
        Assert.AreEqual(8 - warned, losses.Count(loss => loss is not null));
    }

    [TestMethod]
    public void Fit_OnePixel_Trains()
    {
        var path = Path.Combine(_folder, "pixel.png");
        File.WriteAllBytes(path, PictureFiles.Png(1, 1, 8, 2, [[9, 8, 7]]));
        var rows = TinyImages.Rows().Append(new ImageRow { ImagePath = path, Label = "above" });

        using var model = TinyImages.Trainer(_mlContext, options => options.Augmentation = new ImageAugmentation()).Fit(TinyImages.Keyed(_mlContext, rows));

        Assert.IsTrue(model.Model.PredictProbabilities([path])[0].All(float.IsFinite));
    }

    [TestMethod]
    public void Fit_BytesOfBrokenPictures_NameTheRow()
    {
        var rows = Enumerable.Range(0, 8).Select(i => new BytesRow
        {
            Label = i % 2 == 0 ? "above" : "below",
            Features = i == 5 ? [1, 2, 3] : TinyImages.Png(i % 2 == 0 ? "above" : "below", i),
        }).ToArray();
        var view = _mlContext.Data.LoadFromEnumerable(rows);
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);

        var error = Assert.Throws<InvalidDataException>(() => TinyImages.Trainer(_mlContext, options =>
        {
            options.FeatureColumnName = "Features";
            options.UnreadableImages = UnreadableImages.Stop;
        }).Fit(data));

        StringAssert.Contains(error.Message, "row 6");
    }

    /// <summary>Labels are read before the pictures: each would get the picture of another row.</summary>
    [TestMethod]
    public void Fit_QueryThatShufflesAnew_IsRefused()
    {
        var random = new Random(1);
        var data = TinyImages.Keyed(_mlContext, TinyImages.Rows().OrderBy(_ => random.Next()));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => TinyImages.Trainer(_mlContext).Fit(data));

        StringAssert.Contains(error.Message, "a query that shuffles them anew");
    }

    [TestMethod]
    public void Transform_BytesOfAQueryThatShufflesAnew_AreRefusedBesideTheirLabels()
    {
        using var model = TinyImages.Trainer(_mlContext, options => options.FeatureColumnName = "Features").Fit(Keyed(Rows()));
        var random = new Random(1);

        var scored = model.Transform(Keyed(Rows().OrderBy(_ => random.Next())));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => _mlContext.MulticlassClassification.Evaluate(scored));
        StringAssert.Contains(error.Message, "a query that shuffles them anew");
        Assert.IsTrue(_mlContext.MulticlassClassification.Evaluate(model.Transform(Keyed(Rows()))).LogLoss >= 0);

        IEnumerable<BytesRow> Rows() => TinyImages.Rows().Select(row => new BytesRow { Label = row.Label, Features = File.ReadAllBytes(row.ImagePath) });

        IDataView Keyed(IEnumerable<BytesRow> rows)
        {
            var view = _mlContext.Data.LoadFromEnumerable(rows);
            return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
        }
    }

    [TestMethod]
    public void Fit_MissingLabels_AreSkipped()
    {
        var training = TinyImages.Rows().Where(row => row.Label != "flat").ToArray();
        var view = _mlContext.Data.LoadFromEnumerable(training);
        var keys = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view);
        var log = new List<string>();
        _mlContext.Log += (_, e) => log.Add(e.Message);

        using var model = TinyImages.Trainer(_mlContext).Fit(keys.Transform(_mlContext.Data.LoadFromEnumerable(TinyImages.Rows())));

        Assert.HasCount(2, model.Model.ClassNames);
        Assert.IsTrue(log.Any(line => line.Contains("24 training pictures; 12 rows skipped without a label", StringComparison.Ordinal)), string.Join('\n', log));
    }

    [TestMethod]
    public void Fit_SizeNotAMultipleOfThePatch_NamesOneThatIs()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => TinyImages.Trainer(_mlContext, options => options.ImageSize = 30)
            .Fit(TinyImages.KeyedRows(_mlContext)));

        StringAssert.Contains(error.Message, "patches of 8 x 8");
        StringAssert.Contains(error.Message, "for example 32");
    }

    [TestMethod]
    public void Fit_ModelForTexts_SaysThatItIsNone()
    {
        var error = Assert.Throws<NotSupportedException>(() => TinyImages.Trainer(_mlContext, options => options.Model = TinyText.Model)
            .Fit(TinyImages.KeyedRows(_mlContext)));

        StringAssert.Contains(error.Message, "'bert'");
    }

    [TestMethod]
    public void Fit_DataWithoutRows_SaysSo()
    {
        var data = TinyImages.KeyedRows(_mlContext);

        var error = Assert.Throws<InvalidOperationException>(() => TinyImages.Trainer(_mlContext).Fit(_mlContext.Data.SkipRows(data, 100)));

        StringAssert.Contains(error.Message, "training data are empty");
    }

    [TestMethod]
    public void Options_OutOfRange_NameTheSetting()
    {
        AssertInvalid(options => options.Epoch = 0, "Epoch");
        AssertInvalid(options => options.BatchSize = 0, "BatchSize");
        AssertInvalid(options => options.ImageSize = 0, "ImageSize");
        AssertInvalid(options => options.MaxPixels = 0, "MaxPixels");
        AssertInvalid(options => options.CacheMemoryLimit = -1, "CacheMemoryLimit");
        AssertInvalid(options => options.ValidationSetFraction = 1, "ValidationSetFraction");
        AssertInvalid(options => options.UnreadableImages = (UnreadableImages)7, "UnreadableImages");
        AssertInvalid(options => options.Augmentation = new ImageAugmentation { SmallestArea = 0 }, "SmallestArea");
        AssertInvalid(options => options.Adapter = Adapters.PromptTuning, "Adapter");
        AssertInvalid(options => options.EarlyStoppingCriteria = new EarlyStopping { Patience = 0 }, "Patience");
    }

    [TestMethod]
    public void Transform_UnreadablePicture_HasNoPredictionAndEvaluateGoesOn()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext, options => options.Epoch = 8).Fit(data);
        var path = Write("cut off");
        var rows = TinyImages.Rows().Take(3).Append(new ImageRow { ImagePath = path, Label = "above" }).Concat(TinyImages.Rows().Skip(3)).ToArray();
        var log = new List<string>();
        _mlContext.Log += (_, e) => log.Add(e.Message);

        var scored = model.Transform(TinyImages.Keyed(_mlContext, rows));
        var (scores, labels) = (scored.GetColumn<float[]>("Score").ToArray(), scored.GetColumn<uint>("PredictedLabel").ToArray());

        Assert.IsTrue(scores[3].All(float.IsNaN));
        Assert.AreEqual(0u, labels[3]);
        CollectionAssert.AreEqual(
            TinyImages.Scores(model, data).SelectMany(row => row).ToArray(), scores.Where((_, i) => i != 3).SelectMany(row => row).ToArray());
        Assert.IsTrue(log.Any(line => line.Contains(path, StringComparison.Ordinal) && line.Contains("no prediction", StringComparison.Ordinal)));
        Assert.IsGreaterThan(0.9, _mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy);
    }

    [TestMethod]
    public void Predict_UnreadablePicture_Throws()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext).Fit(data);
        using var engine = _mlContext.Model.CreatePredictionEngine<UnlabelledRow, Prediction>(model);
        var path = Write("no picture");

        Assert.Throws<InvalidDataException>(() => engine.Predict(new UnlabelledRow { ImagePath = path }));
        Assert.Throws<InvalidDataException>(() => model.Model.PredictProbabilities([path]));
        Assert.Throws<InvalidDataException>(() => model.Model.PredictProbabilities([[1]]));
    }

    [TestMethod]
    public void PredictionEngine_AfterAnUnreadablePicture_GoesOn()
    {
        using var model = TinyImages.Trainer(_mlContext).Fit(TinyImages.KeyedRows(_mlContext));
        using var engine = _mlContext.Model.CreatePredictionEngine<UnlabelledRow, Prediction>(model);
        var rows = TinyImages.Rows();
        var before = engine.Predict(new UnlabelledRow { ImagePath = rows[0].ImagePath }).Score;

        Assert.Throws<InvalidDataException>(() => engine.Predict(new UnlabelledRow { ImagePath = Write("no picture") }));

        CollectionAssert.AreEqual(before, engine.Predict(new UnlabelledRow { ImagePath = rows[0].ImagePath }).Score);
    }

    private void AssertInvalid(Action<ImageClassificationTrainer.Options> change, string name)
    {
        var error = Assert.Throws<ArgumentException>(() => TinyImages.Trainer(_mlContext, change));
        Assert.AreEqual(name, error.ParamName);
    }

    private string Write(string kind)
    {
        var path = Path.Combine(_folder, $"{kind}.png");
        var png = TinyImages.Png("above", 1);
        switch (kind)
        {
            case "zero bytes":
                File.WriteAllBytes(path, []);
                break;
            case "cut off":
                File.WriteAllBytes(path, png[..(png.Length / 2)]);
                break;
            case "no picture":
                File.WriteAllText(path, "This is text.");
                break;
            case "bomb":
                File.WriteAllBytes(path, PictureFiles.Png(20_000, 20_000, 1, 0, Enumerable.Repeat(new byte[2500], 20_000)));
                break;
        }

        return path;
    }

    private sealed class WrongRow
    {
        public string Label { get; set; } = "";

        public float ImagePath { get; set; }
    }

    private sealed class BytesRow
    {
        public string Label { get; set; } = "";

        public byte[] Features { get; set; } = [];
    }

    private sealed class UnlabelledRow
    {
        public string ImagePath { get; set; } = "";
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
