using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class CalibrationTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    public void Fit_Temperature_IsTheBestOfAGrid()
    {
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(4, 1.7, 0.3, 40, 3);
        var labels = logits.argmax(1).add(tensor(Enumerable.Range(0, 40).Select(i => i % 4 == 0 ? 1L : 0L).ToArray())).remainder(3);
        var weights = tensor(Enumerable.Range(0, 40).Select(i => 1.0 + (i % 3)).ToArray());

        foreach (var counts in new[] { null, weights })
        {
            var temperature = TemperatureScaling.Fit(logits, labels, counts);

            Assert.IsTrue(temperature is > 0.1 and < 10);
            foreach (var factor in new[] { 0.9, 0.99, 1.01, 1.1 })
            {
                Fixture.AssertLess(Loss(temperature * factor, counts), Loss(temperature, counts));
            }
        }

        double Loss(double temperature, Tensor? counts)
        {
            var losses = nn.functional.log_softmax(logits.div(temperature), 1).gather(1, labels.unsqueeze(1)).squeeze(1).neg();
            return counts is null ? losses.mean().item<double>() : losses.mul(counts).sum().item<double>() / counts.sum().item<double>();
        }
    }

    [TestMethod]
    public void Calibrate_RowsAllRight_LeavesProbabilitiesAndWarns()
    {
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(1, 1.7, 0.3, 20, 3);
        var task = new ClassificationTask(new ClassTarget(ClassLabels.Of(["a", "b", "c"])), TextToTextSettings.None, calibrates: true);
        var warnings = new List<string>();

        var chosen = task.Calibrate(logits, logits.argmax(1), null, _ => { }, warnings.Add);

        Assert.AreEqual(1, ((ClassificationTask)chosen).Target.Format.Temperature);
        StringAssert.StartsWith(warnings.Single(), "No temperature fits the validation rows best");
    }

    [TestMethod]
    public void Fit_RowsAllRight_TakeTheLowestTemperature()
    {
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(1, 1.7, 0.3, 20, 3);

        Assert.AreEqual(TemperatureScaling.Lowest, TemperatureScaling.Fit(logits, logits.argmax(1), null), 1e-6);
        Assert.AreEqual(TemperatureScaling.Highest, TemperatureScaling.Fit(logits, logits.argmin(1), null), 1e-3);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Fit_Calibrate_LowersTheLossKeepsTheClassesAndIsSaved(bool textToText)
    {
        var (training, validation) = (TinyText.KeyedRows(_mlContext, 32), TinyText.KeyedRows(_mlContext, 20));
        using var plain = Trainer(false).Fit(training);
        using var calibrated = Trainer(true).Fit(training);
        using var stream = new MemoryStream();
        _mlContext.Model.Save(calibrated, training.Schema, stream);
        using var loaded = (TextClassificationTransformer)_mlContext.Model.Load(stream, out _);

        var (before, after) = (_mlContext.MulticlassClassification.Evaluate(plain.Transform(validation)), _mlContext.MulticlassClassification.Evaluate(calibrated.Transform(validation)));
        Assert.AreNotEqual(1, calibrated.Model.Temperature);
        Assert.AreEqual(1, plain.Model.Temperature);
        Fixture.AssertLess(before.LogLoss, after.LogLoss);
        Assert.AreEqual(before.MicroAccuracy, after.MicroAccuracy);
        Assert.AreEqual(calibrated.Model.Temperature, loaded.Model.Temperature);
        CollectionAssert.AreEqual(TinyText.Scores(calibrated, validation).SelectMany(row => row).ToArray(), TinyText.Scores(loaded, validation).SelectMany(row => row).ToArray());

        TextClassificationTrainer Trainer(bool calibrate) => TinyText.Trainer(_mlContext, options =>
        {
            (options.ValidationSet, options.Calibrate) = (validation, calibrate);
            if (textToText)
            {
                options.Model = TinyT5.Model;
            }
        });
    }

    [TestMethod]
    public void ScoreThreshold_NoClassIsLikelyEnough_GivesTheMissingKey()
    {
        var data = TinyText.KeyedRows(_mlContext, 32);
        using var model = TinyText.Trainer(_mlContext, options => (options.MaxEpoch, options.ScoreThreshold) = (3, 0.7f)).Fit(data);
        using var stream = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, stream);
        using var loaded = (IDisposable)_mlContext.Model.Load(stream, out _);

        foreach (var transformer in new[] { model, (ITransformer)loaded })
        {
            var scored = transformer.Transform(data);
            var keys = scored.GetColumn<uint>("PredictedLabel").ToArray();
            var scores = scored.GetColumn<float[]>("Score").ToArray();
            Assert.IsTrue(keys.Any(key => key == 0) && keys.Any(key => key > 0));
            for (var i = 0; i < keys.Length; i++)
            {
                Assert.AreEqual(scores[i].Max() < 0.7f ? 0u : (uint)Array.IndexOf(scores[i], scores[i].Max()) + 1, keys[i]);
            }
        }
    }

    [TestMethod]
    public void Fit_CalibratedOnFewRows_KeepsTheProbabilitiesAndWarns()
    {
        var warnings = new List<string>();
        _mlContext.Log += (_, e) => warnings.Add(e.Message);
        var validation = TinyText.KeyedRows(_mlContext, 9);

        using var model = TinyText.Trainer(_mlContext, options => (options.Calibrate, options.ValidationSet) = (true, validation)).Fit(TinyText.KeyedRows(_mlContext, 32));

        Assert.AreEqual(1, model.Model.Temperature);
        Assert.IsTrue(warnings.Any(line => line.Contains("Validation rows: 9, too few to choose a temperature", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Create_CalibrateWithoutValidation_IsRefused() => StringAssert.Contains(
        Assert.ThrowsExactly<ArgumentException>(() => TinyText.Trainer(_mlContext, options => options.Calibrate = true)).Message, "no validation rows to calibrate on");
}
