using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class TextClassificationFitTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> AllOptimizers =>
        [[Ief], [Ief with { Damping = 1e-2 }], [Ef], [Sf], [Optimizers.AdamW with { LearningRate = 1e-2 }], [Optimizers.Sgd]];

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Fit_AnyOptimizer_LowersTheLoss(OptimizerOptions optimizer)
    {
        var losses = new List<double>();

        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Optimizer = optimizer;
            options.MaxEpoch = 4;
            options.MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.Loss);
                }
            };
        }).Fit(TinyText.KeyedRows(_mlContext, 32));

        Assert.HasCount(4, losses);
        Fixture.AssertLess(0.99 * losses[0], losses[^1]);
    }

    [TestMethod]
    [DataRow(19, 8)]
    [DataRow(20, 12)]
    public void Fit_DefaultEncoder_HasAllItsLayersForManyClasses(int classes, int layers)
    {
        var trainer = _mlContext.MulticlassClassification.Trainers.TextClassification(Optimizers.Ief, sentence1ColumnName: "Text", adapter: Adapters.HeadOnly, maxEpochs: 1);

        var rows = TinyText.View(_mlContext, Enumerable.Range(0, classes).Select(number => new TextRow { Label = $"{number}", Text = $"number {number}" }));

        using var model = trainer.Fit(_mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows));

        Assert.AreEqual(layers, model.Model.Scorer.Model.Network.Base.LayerCount);
    }

    [TestMethod]
    public void Fit_Ief_LearnsThreeClasses()
    {
        var data = TinyText.KeyedRows(_mlContext, 48, "good", "bad", "neutral");

        using var model = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 20).Fit(data);

        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(data), topKPredictionCount: 2);
        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy);
        Assert.IsGreaterThanOrEqualTo(metrics.MicroAccuracy, metrics.TopKAccuracy);
        Fixture.AssertLess(0.5, metrics.LogLoss);
    }

    [TestMethod]
    public void Fit_TwiceWithOneSeed_GivesBitEqualScores()
    {
        foreach (var optimizer in new OptimizerOptions[] { Ief, Sf, Optimizers.AdamW })
        {
            var trainer = TinyText.Trainer(_mlContext, options => options.Optimizer = optimizer);
            var data = TinyText.KeyedRows(_mlContext, 24);
            using var first = trainer.Fit(data);
            using var second = trainer.Fit(data);
            using var other = TinyText.Trainer(new MLContext(seed: 1), options => options.Optimizer = optimizer).Fit(data);

            AssertEqual(TinyText.Scores(first, data), TinyText.Scores(second, data));
            AssertEqual(TinyText.Scores(first, data), TinyText.Scores(other, data));
        }
    }

    [TestMethod]
    public void Fit_OtherSeed_GivesOtherScores()
    {
        var data = TinyText.KeyedRows(_mlContext, 24);
        using var first = TinyText.Trainer(_mlContext).Fit(data);
        using var second = TinyText.Trainer(new MLContext(seed: 2)).Fit(data);

        Assert.AreNotEqual(TinyText.Scores(first, data)[0][0], TinyText.Scores(second, data)[0][0]);
    }

    [TestMethod]
    public void Fit_NoSeed_GivesAnotherModelEachTime()
    {
        var mlContext = new MLContext();
        var data = TinyText.KeyedRows(mlContext, 24);
        using var first = TinyText.Trainer(mlContext).Fit(data);
        using var second = TinyText.Trainer(mlContext).Fit(data);

        Assert.AreNotEqual(TinyText.Scores(first, data)[0][0], TinyText.Scores(second, data)[0][0]);
    }

    [TestMethod]
    public void Fit_TwoTrainersAtOnce_GiveTheScoresOfOneAfterTheOther()
    {
        OptimizerOptions[] optimizers = [Ief, Sf, Optimizers.AdamW, Ief with { LearningRate = 0.5 }];
        var data = TinyText.KeyedRows(_mlContext, 32);
        float[][] Train(OptimizerOptions optimizer)
        {
            using var model = TinyText.Trainer(new MLContext(seed: 3), options => options.Optimizer = optimizer).Fit(data);
            return TinyText.Scores(model, data);
        }

        var alone = optimizers.Select(Train).ToArray();
        var together = optimizers.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(Train).ToArray();

        for (var i = 0; i < optimizers.Length; i++)
        {
            AssertEqual(alone[i], together[i]);
        }
    }

    [TestMethod]
    public void Fit_MissingLabelsAndEmptyTexts_SkipsTheOneAndKeepsTheOther()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var rows = TinyText.Rows(12);
        rows[1].Text = "";
        rows[2].Text = null;
        rows[3].Label = "unknown";
        rows[4].Label = null;
        var keys = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, TinyText.Rows(2)));

        using var model = TinyText.Trainer(_mlContext).Fit(keys.Transform(TinyText.View(_mlContext, rows)));

        Assert.IsTrue(messages.Any(message => message.Contains("10 training rows; 2 skipped without a label", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_TextsOfAFileThatIsNotUtf8_WarnsOfLostLetters()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var rows = TinyText.Rows(12);
        rows[1].Text = "gr\uFFFD\uFFFDer";

        var view = TinyText.View(_mlContext, rows);

        using var model = TinyText.Trainer(_mlContext).Fit(_mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view));

        Assert.IsTrue(messages.Any(message => message.Contains("1 training rows have the character U+FFFD", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_Logs_LearningRateAndEachEpoch()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add($"{message.Source}: {message.Message}");

        using var model = TinyText.Trainer(_mlContext, options => options.ValidationSetFraction = 0.25)
            .Fit(TinyText.KeyedRows(_mlContext, 24, "good", "bad", "neutral"));

        Assert.IsTrue(messages.Any(message => message.Contains("iEF, learning rate 1.5", StringComparison.Ordinal)));
        Assert.AreEqual(2, messages.Count(message => message.Contains("; validation loss ", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_ValidationFraction_TrainsOnTheRest()
    {
        var steps = 0;
        TrainingProgress? last = null;

        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.ValidationSetFraction = 0.25;
            options.BatchSize = 6;
            options.MaxEpoch = 1;
            options.MetricsCallback = progress =>
            {
                steps += progress.EndOfEpoch ? 0 : 1;
                last = progress;
            };
        }).Fit(TinyText.KeyedRows(_mlContext, 24));

        Assert.AreEqual(3, steps);
        Assert.IsNotNull(last!.ValidationAccuracy);
    }

    [TestMethod]
    public void Fit_ValidationSet_ReportsWhatEvaluateFinds()
    {
        var training = TinyText.KeyedRows(_mlContext, 24);
        var validation = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, TinyText.Rows(24)))
            .Transform(TinyText.View(_mlContext, TinyText.Rows(18)));
        TrainingProgress? last = null;

        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.ValidationSet = validation;
            options.MetricsCallback = progress => last = progress;
        }).Fit(training);

        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(validation));
        Assert.AreEqual(metrics.MicroAccuracy, last!.ValidationAccuracy!.Value, 1e-12);
        Assert.AreEqual(metrics.LogLoss, last.ValidationLoss!.Value, 1e-5);
    }

    [TestMethod]
    public void Fit_EarlyStopping_EndsAndRestoresTheBestEpoch()
    {
        var training = TinyText.KeyedRows(_mlContext, 24);
        var rows = TinyText.Rows(18);
        // Wrong labels: the better the training, the worse the validation.
        foreach (var row in rows)
        {
            row.Label = row.Label == "good" ? "bad" : "good";
        }

        var validation = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, TinyText.Rows(24)))
            .Transform(TinyText.View(_mlContext, rows));
        var losses = new List<double>();

        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.MaxEpoch = 50;
            options.ValidationSet = validation;
            options.EarlyStopping = new EarlyStopping { Patience = 2 };
            options.MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.ValidationLoss!.Value);
                }
            };
        }).Fit(training);

        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(validation));
        Fixture.AssertLess(50, losses.Count);
        Assert.AreEqual(losses.IndexOf(losses.Min()) + 3, losses.Count);
        Assert.AreEqual(losses.Min(), metrics.LogLoss, 1e-5);
    }

    [TestMethod]
    public void Fit_CancelledByToken_Stops()
    {
        using var cancellation = new CancellationTokenSource();
        var trainer = TinyText.Trainer(_mlContext, options =>
        {
            options.CancellationToken = cancellation.Token;
            options.MetricsCallback = _ => cancellation.Cancel();
        });

        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(TinyText.KeyedRows(_mlContext, 24)));
    }

    [TestMethod]
    public void Fit_CancelledByTheContext_Stops()
    {
        var trainer = TinyText.Trainer(_mlContext, options => options.MetricsCallback = _ => CancelExecution(_mlContext));
        var data = TinyText.KeyedRows(_mlContext, 24);

        var error = Assert.Throws<Exception>(() => trainer.Fit(data));

        Assert.IsInstanceOfType<OperationCanceledException>(error.GetBaseException());
    }

    [TestMethod]
    public void Fit_LossNotFiniteAtOnce_SaysWhatToDo()
    {
        var trainer = TinyText.Trainer(_mlContext, options => options.Optimizer = Optimizers.Sgd with { LearningRate = 1e38 });

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(TinyText.KeyedRows(_mlContext, 24)));

        StringAssert.Contains(error.Message, "Nothing was learned");
    }

    [TestMethod]
    public void Fit_AndScore_LeaveNoTensorsBehind()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        var left = LiveTensors.LeftOfParameter();
        var before = LiveTensors.Settled();
        int parameters;

        using (var model = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 4).Fit(data))
        {
            _ = TinyText.Scores(model, data);
            parameters = model.Model.Scorer.Model.Network.ParametersMade();
        }

        Assert.AreEqual(parameters * left, TorchSharp.torch.Tensor.TotalCount - before);
    }

    [TestMethod]
    public void Fit_InTheCallersDisposeScope_GivesAModelThatOutlivesIt()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        TextClassificationTransformer model;
        using (TorchSharp.torch.NewDisposeScope())
        {
            model = TinyText.Trainer(_mlContext).Fit(data);
        }

        Assert.HasCount(16, TinyText.Scores(model, data));
        model.Dispose();
    }

    private static void CancelExecution(MLContext mlContext) => typeof(MLContext)
        .GetMethod("CancelExecution", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!.Invoke(mlContext, null);

    private static void AssertEqual(float[][] expected, float[][] actual) =>
        CollectionAssert.AreEqual(expected.SelectMany(row => row).ToArray(), actual.SelectMany(row => row).ToArray());
}
