using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Models.Layers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Training with products of rounded numbers.</summary>
[TestClass]
public sealed class PrecisionTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("precision").FullName;
    private readonly List<string> _log = [];

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(nameof(Adapters.LoRA))]
    [DataRow(nameof(Adapters.HeadOnly))]
    [DataRow("DoRA")]
    public void Fit_Rounded_TrainsAndScoresWithExactProducts(string name)
    {
        AdapterOptions adapter = name switch
        {
            nameof(Adapters.LoRA) => Adapters.LoRA,
            "DoRA" => Adapters.LoRA with { UseDoRA = true },
            _ => Adapters.HeadOnly with { Solve = false },
        };
        var (exactLoss, roundedLoss) = (double.NaN, double.NaN);
        using var exact = Fit(options => (options.Adapter, options.MetricsCallback) = (adapter, progress => exactLoss = progress.Loss));
        using var rounded = Fit(options => (options.Adapter, options.Precision, options.MetricsCallback) = (adapter, Precision.BFloat16, progress => roundedLoss = progress.Loss));

        Assert.AreNotEqual(exactLoss, roundedLoss);
        Assert.AreEqual(exactLoss, roundedLoss, 0.1);
        Assert.IsFalse(rounded.Model.Scorer.Model.Network.Base.modules().OfType<LinearLayer>().Any(layer => layer.IsRounded));
        var data = TinyText.KeyedRows(new MLContext(seed: 1), 16);
        foreach (var (first, second) in Scores(exact, data).Zip(Scores(rounded, data)))
        {
            Assert.AreEqual(first, second, 0.1f);
        }
    }

    [TestMethod]
    public void Fit_Auto_SaysWhatItChose()
    {
        using var model = Fit(options => options.Precision = Precision.Auto);

        Assert.AreEqual(1, _log.Count(line => line.Contains("Precision: ", StringComparison.Ordinal) && line.Contains("ms in bfloat16", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Resume_OtherPrecision_Throws()
    {
        using var first = Fit(options => options.CheckpointFolder = _folder);

        var error = Assert.ThrowsExactly<InvalidOperationException>(
            () => Fit(options => (options.CheckpointFolder, options.Precision) = (_folder, Precision.BFloat16)));

        StringAssert.Contains(error.Message, "Precision");
    }

    [TestMethod]
    [DataRow(Precision.BFloat16)] // one of them is not what this machine would choose
    [DataRow(Precision.Float32)]
    public void Resume_Auto_TakesThePrecisionOfTheState(Precision precision)
    {
        using var first = Fit(options => (options.CheckpointFolder, options.Precision) = (_folder, precision));

        using var second = Fit(options => (options.CheckpointFolder, options.Precision) = (_folder, Precision.Auto));

        Assert.AreEqual(1, _log.Count(line => line.Contains($"Precision: {precision}, as in the run that goes on.", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Create_NoPrecision_Throws() => Assert.ThrowsExactly<ArgumentOutOfRangeException>(
        () => TinyText.Trainer(new MLContext(), options => options.Precision = (Precision)7));

    private static float[] Scores(TextClassificationTransformer model, IDataView data) =>
        [.. model.Transform(data).GetColumn<float[]>("Score").SelectMany(scores => scores)];

    private TextClassificationTransformer Fit(Action<TextClassificationTrainer.Options> change)
    {
        var mlContext = new MLContext(seed: 1);
        mlContext.Log += (_, line) => _log.Add(line.Message);
        return TinyText.Trainer(mlContext, change).Fit(TinyText.KeyedRows(mlContext, 16));
    }
}
