using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class ImageClassificationFitTests
{
    // Validation rows whose labels contradict the training rows: the better these are learned, the worse those fit.
    private (List<double> Losses, double Kept, List<string> Log) FitBesideContraryRows(int count, EarlyStopping stopping)
    {
        var rows = _mlContext.Data.LoadFromEnumerable(TinyImages.Rows());
        var keys = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows);
        var contrary = keys.Transform(_mlContext.Data.LoadFromEnumerable(TinyImages.Rows()[..count].Select(row => new ImageRow
        {
            ImagePath = row.ImagePath,
            Label = TinyImages.Classes[(Array.IndexOf(TinyImages.Classes, row.Label) + 1) % TinyImages.Classes.Length],
        })));
        var (losses, log) = (new List<double>(), new List<string>());
        _mlContext.Log += (_, e) => log.Add(e.Message);
        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.ValidationSet = contrary;
            options.EarlyStoppingCriteria = stopping;
            options.Epoch = 20;
            options.MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.ValidationLoss!.Value);
                }
            };
        }).Fit(keys.Transform(rows));

        var labels = contrary.GetColumn<uint>("Label");
        return (losses, TinyImages.Scores(model, contrary).Zip(labels).Average(pair => -Math.Log(pair.First[pair.Second - 1])), log);
    }

    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Fit_SeparableClasses_LearnsThem(string architecture)
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.Model = TinyImages.Model(architecture);
            options.Epoch = 8;
        }).Fit(data);

        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(data));

        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy, $"{metrics.MicroAccuracy}");
        CollectionAssert.AreEqual(TinyImages.Classes, model.Model.ClassNames.ToArray());
    }

    [TestMethod]
    public void Fit_RowOfWeightTwo_IsTheRowTwice_AndOfZeroIsLeftOut()
    {
        var rows = TinyImages.Rows()[..9];
        using var twice = Train([.. rows[..8], rows[0], rows[4]], _ => 1);
        using var weighted = Train(rows, i => i is 0 or 4 ? 2 : i == 8 ? 0 : 1);
        using var byClass = Train(rows[..8], _ => 1, ClassWeights.Balanced);

        var data = TinyImages.KeyedRows(_mlContext);
        foreach (var (first, second) in Flat(TinyImages.Scores(twice, data)).Zip(Flat(TinyImages.Scores(weighted, data))))
        {
            Assert.AreEqual(first, second, 1e-3f); // float32: another order of sums
        }

        CollectionAssert.AreNotEqual(Flat(TinyImages.Scores(twice, data)), Flat(TinyImages.Scores(byClass, data)));

        ImageClassificationTransformer Train(IReadOnlyList<ImageRow> pictures, Func<int, float> weight, ClassWeights? classWeights = null)
        {
            var view = _mlContext.Data.LoadFromEnumerable(pictures.Select((row, i) => new { row.Label, row.ImagePath, Weight = weight(i) }).ToArray());
            var keys = _mlContext.Data.LoadFromEnumerable(TinyImages.Classes.Select(name => new { Value = name }));
            var keyed = _mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(view).Transform(view);
            return TinyImages.Trainer(_mlContext, options =>
            {
                (options.ExampleWeightColumnName, options.BatchSize, options.ValidationSetFraction, options.Epoch, options.ClassWeights) = ("Weight", 64, 0, 2, classWeights);
                options.EarlyStoppingCriteria = null;
            }).Fit(keyed);
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fit_SameSeed_GivesEqualModels(bool augmented)
    {
        var data = TinyImages.KeyedRows(_mlContext);
        float[][] Train(int seed, long cacheLimit)
        {
            var mlContext = new MLContext(seed);
            using var model = TinyImages.Trainer(mlContext, options =>
            {
                options.Augmentation = augmented ? new ImageAugmentation() : null;
                options.CacheMemoryLimit = cacheLimit;
            }).Fit(data);
            return TinyImages.Scores(model, data);
        }

        var (first, spilled, other) = (Train(3, 1 << 20), Train(3, 0), Train(4, 1 << 20));

        CollectionAssert.AreEqual(Flat(first), Flat(spilled));
        CollectionAssert.AreNotEqual(Flat(first), Flat(other));
    }

    [TestMethod]
    public void Fit_Augmentation_ChangesTheModelButNotScoringOrValidation()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        (double Loss, float[][] Scores) Train(ImageAugmentation? augmentation)
        {
            var loss = double.NaN;
            using var model = TinyImages.Trainer(new MLContext(5), options =>
            {
                options.Augmentation = augmentation;
                options.ValidationSet = data;
                options.EarlyStoppingCriteria = null;
                options.Epoch = 1;
                options.MetricsCallback = progress => loss = progress.ValidationLoss ?? loss;
            }).Fit(data);
            var scores = TinyImages.Scores(model, data);
            var labels = data.GetColumn<uint>("Label").ToArray();

            // Had validation been changed at random, its loss would not be that of the scores.
            Assert.AreEqual(scores.Zip(labels).Average(pair => -Math.Log(pair.First[pair.Second - 1])), loss, 1e-5);
            CollectionAssert.AreEqual(Flat(scores), Flat(TinyImages.Scores(model, data)));
            return (loss, scores);
        }

        var (plain, augmented) = (Train(null), Train(new ImageAugmentation()));

        CollectionAssert.AreNotEqual(Flat(plain.Scores), Flat(augmented.Scores));
    }

    [TestMethod]
    public void Fit_ValidationFraction_SetsRowsAside()
    {
        var reports = new List<TrainingProgress>();
        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.ValidationSetFraction = 0.25;
            options.MetricsCallback = reports.Add;
        }).Fit(TinyImages.KeyedRows(_mlContext));

        Assert.IsTrue(reports.All(report => report.StepCount == 4)); // 27 of 36 rows, 8 in a batch
        Assert.IsTrue(reports.Where(report => report.EndOfEpoch).All(report => report.ValidationLoss is not null));
    }

    [TestMethod]
    public void Fit_ValidationLossRises_StopsAndKeepsTheWeightsOfTheBestEpoch()
    {
        var (losses, kept, _) = FitBesideContraryRows(36, new EarlyStopping());

        Assert.AreEqual(losses.IndexOf(losses.Min()) + 3, losses.Count, string.Join(' ', losses)); // patience 2
        Assert.AreEqual(losses.Min(), kept, 1e-4);
        Assert.IsGreaterThan(losses.Min() + 0.1, losses[^1]);
    }

    [TestMethod]
    [DataRow(9, 10, true)]
    [DataRow(9, 9, false)]
    public void Fit_FewValidationRows_KeepsTheLastWeightsAndWarns(int rows, int fewest, bool keepsLast)
    {
        var (losses, kept, log) = FitBesideContraryRows(rows, new EarlyStopping { MinValidationRows = fewest });

        Assert.AreEqual(keepsLast, losses.Count == 20, string.Join(' ', losses));
        Assert.AreEqual(keepsLast ? losses[^1] : losses.Min(), kept, 1e-4);
        Assert.AreEqual(keepsLast, log.Any(line => line.Contains("Validation rows: 9, too few to choose an epoch by", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_OtherImageSize_TrainsOnResizedPositions()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext, options => options.ImageSize = 32).Fit(data);
        using var usual = TinyImages.Trainer(_mlContext).Fit(data);

        CollectionAssert.AreNotEqual(Flat(TinyImages.Scores(usual, data)), Flat(TinyImages.Scores(model, data)));
    }

    [TestMethod]
    public void Fit_AllInputKinds_GiveTheSameModel()
    {
        var paths = TinyImages.KeyedRows(_mlContext);
        var bytes = _mlContext.Transforms.LoadRawImageBytes("Bytes", null, "ImagePath").Fit(paths).Transform(paths);
        var images = _mlContext.Transforms.LoadImages("Image", null, "ImagePath").Fit(paths).Transform(paths);
        float[] Train(IDataView data, string column)
        {
            using var model = TinyImages.Trainer(new MLContext(2), options => options.FeatureColumnName = column).Fit(data);
            return Flat(TinyImages.Scores(model, data));
        }

        var expected = Train(paths, "ImagePath");

        CollectionAssert.AreEqual(expected, Train(bytes, "Bytes"));
        CollectionAssert.AreEqual(expected, Train(images, "Image"));
    }

    [TestMethod]
    public void Fit_AfterResizeImages_ReadsTheResizedPictures()
    {
        var paths = TinyImages.KeyedRows(_mlContext);
        var pipeline = _mlContext.Transforms.LoadImages("Image", null, "ImagePath")
            .Append(_mlContext.Transforms.ResizeImages("Features", 24, 24, "Image"))
            .Append(TinyImages.Trainer(_mlContext, options =>
            {
                options.FeatureColumnName = "Features";
                options.Epoch = 8;
            }))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using var model = pipeline.Fit(paths);

        var scored = model.Transform(paths);

        Assert.IsGreaterThan(0.9, _mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy);
        Assert.IsTrue(scored.GetColumn<string>("PredictedLabel").All(TinyImages.Classes.Contains));
    }

    [TestMethod]
    public void CrossValidate_ImagePipeline_Evaluates()
    {
        var data = TinyImages.KeyedRows(_mlContext);

        var folds = _mlContext.MulticlassClassification.CrossValidate(data, TinyImages.Trainer(_mlContext, options => options.Epoch = 6), numberOfFolds: 2);

        Assert.HasCount(2, folds);
        Assert.IsTrue(folds.All(fold => fold.Metrics.MicroAccuracy > 0.6), string.Join(' ', folds.Select(fold => fold.Metrics.MicroAccuracy)));
        foreach (var fold in folds)
        {
            ((IDisposable)fold.Model).Dispose();
        }
    }

    [TestMethod]
    [DataRow("head")]
    [DataRow("bias")]
    [DataRow("full")]
    [DataRow("dora")]
    public void Fit_OtherAdapters_Train(string kind)
    {
        var adapter = kind switch
        {
            "head" => (AdapterOptions)(Adapters.HeadOnly with { Solve = false }),
            "bias" => Adapters.BiasOnly,
            "full" => Adapters.Full,
            _ => Adapters.LoRA with { UseDoRA = true },
        };
        var data = TinyImages.KeyedRows(_mlContext);
        var losses = new List<double>();
        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.Adapter = adapter;
            options.Epoch = 4;
            options.MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.Loss);
                }
            };
        }).Fit(data);

        Fixture.AssertLess(0.99 * losses[0], losses[^1], string.Join(' ', losses));
    }

    [TestMethod]
    public void Fit_TwoClassHeadOfCheckpoint_StartsFreshForOtherClasses()
    {
        var rows = TinyImages.Rows().Where(row => row.Label != "flat");
        using var model = TinyImages.Trainer(_mlContext).Fit(TinyImages.Keyed(_mlContext, rows));

        Assert.HasCount(2, model.Model.ClassNames);
    }

    [TestMethod]
    public void Fit_Cancelled_StopsWhileDecoding()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.Throws<OperationCanceledException>(() => TinyImages.Trainer(_mlContext, options => options.CancellationToken = source.Token)
            .Fit(TinyImages.KeyedRows(_mlContext)));
    }

    [TestMethod]
    public void Fit_LeavesNoTensorsAndNoTemporaryFile()
    {
        var folder = Directory.CreateTempSubdirectory("image-cache").FullName;
        var mlContext = new MLContext(1) { TempFilePath = folder };
        var data = TinyImages.KeyedRows(mlContext);
        int Train()
        {
            using var model = TinyImages.Trainer(mlContext, options =>
            {
                options.CacheMemoryLimit = 0;
                options.Augmentation = new ImageAugmentation();
            }).Fit(data);
            TinyImages.Scores(model, data);
            return model.Model.Scorer.Model.Network.ParametersMade();
        }

        var parameters = Train();
        var left = LiveTensors.LeftOfParameter();
        var before = LiveTensors.Settled();
        Train();

        Assert.AreEqual(parameters * left, LiveTensors.Settled() - before);
        Assert.IsEmpty(Directory.EnumerateFileSystemEntries(folder));
        Directory.Delete(folder);
    }

    private static float[] Flat(float[][] scores) => [.. scores.SelectMany(row => row)];
}
