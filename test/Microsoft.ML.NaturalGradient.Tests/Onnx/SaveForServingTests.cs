using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Pipelines that are saved for serving give the columns of the pipelines that were trained.</summary>
[TestClass]
public sealed class SaveForServingTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("serving").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> Tasks => ServingTasks.Names.Select(name => new object[] { name });

    private string ModelPath => Path.Combine(_folder, "served.zip");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Load_OfEveryTask_AddsTheColumnsOfTheTrainedTransformer(string task)
    {
        var data = ServingTasks.Rows(_mlContext, task);
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, task);

        _mlContext.Model.SaveForServing((ITransformer)trained, data.Schema, ModelPath);
        using var served = (IDisposable)new MLContext().Model.Load(ModelPath, out var schema);

        var (expected, actual) = (((ITransformer)trained).Transform(data), ((ITransformer)served).Transform(data));
        Assert.IsInstanceOfType<NaturalGradientOnnxTransformer>(served);
        Assert.AreEqual(data.Schema.Count, schema.Count);
        CollectionAssert.AreEqual(expected.Schema.Select(ColumnText.Describe).ToArray(), actual.Schema.Select(ColumnText.Describe).ToArray());
        foreach (var name in ServingTasks.Outputs(task).Where(name => !name.EndsWith("Score", StringComparison.Ordinal)))
        {
            CollectionAssert.AreEqual(ColumnText.Values(expected, name), ColumnText.Values(actual, name), name);
        }

        foreach (var name in ServingTasks.Outputs(task).Where(name => name.EndsWith("Score", StringComparison.Ordinal)))
        {
            AssertNear(ColumnText.Numbers(expected, name), ColumnText.Numbers(actual, name));
        }
    }

    [TestMethod]
    public void Load_ChainsInAChain_KeepTheOtherSteps()
    {
        var data = TinyText.View(_mlContext, TinyText.Rows(24));
        var inner = _mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(TinyText.Trainer(_mlContext, options => options.Sentence2ColumnName = "Pair"))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using var trained = _mlContext.Transforms.CopyColumns("Copy", "Text").Append(inner).Append(_mlContext.Transforms.CopyColumns("Again", "PredictedLabel")).Fit(data);

        _mlContext.Model.SaveForServing(trained, data.Schema, ModelPath);
        var loaded = new MLContext().Model.Load(ModelPath, out var schema);

        using var owner = (IDisposable)loaded;
        CollectionAssert.AreEqual(data.Schema.Select(column => column.Name).ToArray(), schema.Select(column => column.Name).ToArray());
        var (expected, actual) = (trained.Transform(data), loaded.Transform(data));
        CollectionAssert.AreEqual(expected.Schema.Select(ColumnText.Describe).ToArray(), actual.Schema.Select(ColumnText.Describe).ToArray());
        CollectionAssert.AreEqual(ColumnText.Values(expected, "Again"), ColumnText.Values(actual, "Again"));
        AssertNear(ColumnText.Numbers(expected, "Score"), ColumnText.Numbers(actual, "Score"));
    }

    [TestMethod]
    public void SaveForServing_NoModelOfOurs_IsRefused()
    {
        var data = TinyText.View(_mlContext, TinyText.Rows(4));
        var model = _mlContext.Transforms.CopyColumns("Copy", "Text").Append(_mlContext.Transforms.Conversion.MapValueToKey("Label")).Fit(data);

        var error = Assert.ThrowsExactly<ArgumentException>(() => _mlContext.Model.SaveForServing(model, data.Schema, ModelPath));

        StringAssert.Contains(error.Message, "no model that this library trained");
        Assert.IsFalse(File.Exists(ModelPath));
    }

    [TestMethod]
    public void SaveForServing_DisposedModel_LeavesTheOldFile()
    {
        File.WriteAllText(ModelPath, "old");
        var model = ServingTasks.Train(_mlContext, "class");
        ((IDisposable)model).Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => _mlContext.Model.SaveForServing(model, null, ModelPath));

        Assert.AreEqual("old", File.ReadAllText(ModelPath));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    [TestMethod]
    [DataRow("class", OnnxPrecision.Float16)]
    [DataRow("number", OnnxPrecision.Float16)]
    [DataRow("answer", OnnxPrecision.Float16)]
    [DataRow("tags", OnnxPrecision.Float16)]
    [DataRow("picture", OnnxPrecision.Float16)]
    [DataRow("t5", OnnxPrecision.Float16)]
    [DataRow("class", OnnxPrecision.Int8)]
    [DataRow("answer", OnnxPrecision.Int8)]
    [DataRow("picture", OnnxPrecision.Int8)]
    public void Load_FewerBits_GivesNearlyTheScores(string task, OnnxPrecision precision)
    {
        var data = ServingTasks.Rows(_mlContext, task);
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, task);

        _mlContext.Model.SaveForServing((ITransformer)trained, data.Schema, ModelPath, new OnnxExportOptions { Precision = precision });
        using var served = (IDisposable)_mlContext.Model.Load(ModelPath, out _);

        var expected = ColumnText.Numbers(((ITransformer)trained).Transform(data), "Score");
        var actual = ColumnText.Numbers(((ITransformer)served).Transform(data), "Score");
        AssertNear(expected, actual, precision == OnnxPrecision.Int8 ? 0.05 : 0.02); // a hundredth or a thousandth of each number, over two layers
        Assert.IsFalse(expected.SelectMany(row => row).SequenceEqual(actual.SelectMany(row => row)));
    }

    [TestMethod]
    public void Load_LabelsThatAreNumbers_KeepTheirType()
    {
        var rows = _mlContext.Data.LoadFromEnumerable(TinyText.Rows(12).Select(row => new { row.Text, Label = (int)row.Id % 3 }));
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        using var trained = TinyText.Trainer(_mlContext).Fit(data);

        _mlContext.Model.SaveForServing(trained, data.Schema, ModelPath);
        using var served = (IDisposable)_mlContext.Model.Load(ModelPath, out _);

        var scored = _mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(((ITransformer)served).Transform(data)).Transform(((ITransformer)served).Transform(data));
        Assert.AreEqual(NumberDataViewType.Int32, scored.Schema["PredictedLabel"].Type);
        CollectionAssert.AreEqual(
            trained.Transform(data).Schema.Select(ColumnText.Describe).ToArray(), ((ITransformer)served).Transform(data).Schema.Select(ColumnText.Describe).ToArray());
    }

    [TestMethod]
    public void Load_MergedModel_GivesItsScores()
    {
        var data = ServingTasks.Rows(_mlContext, "class");
        using var trained = (TextClassificationTransformer)ServingTasks.Train(_mlContext, "class");
        trained.Model.MergeAdapter();

        _mlContext.Model.SaveForServing(trained, data.Schema, ModelPath);
        using var served = (IDisposable)_mlContext.Model.Load(ModelPath, out _);

        AssertNear(TinyText.Scores(trained, data), TinyText.Scores((ITransformer)served, data));
    }

    [TestMethod]
    public void Load_OtherCultureAndWorkingFolder_GivesTheSameScores()
    {
        var data = ServingTasks.Rows(_mlContext, "classes");
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, "classes");
        var (culture, folder) = (CultureInfo.CurrentCulture, Directory.GetCurrentDirectory());
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("tr-TR");
            Directory.SetCurrentDirectory(_folder);
            _mlContext.Model.SaveForServing((ITransformer)trained, data.Schema, "served.zip");
            using var served = (IDisposable)_mlContext.Model.Load("served.zip", out _);

            var actual = ((ITransformer)served).Transform(data);

            AssertNear(ColumnText.Numbers(((ITransformer)trained).Transform(data), "Score"), ColumnText.Numbers(actual, "Score"));
        }
        finally
        {
            Directory.SetCurrentDirectory(folder);
            CultureInfo.CurrentCulture = culture;
        }
    }

    internal static void AssertNear(float[][] expected, float[][] actual, double tolerance = 1e-5)
    {
        Assert.HasCount(expected.Length, actual);
        foreach (var (row, other) in expected.Zip(actual))
        {
            Assert.HasCount(row.Length, other);
            foreach (var (value, found) in row.Zip(other))
            {
                Assert.AreEqual(value, found, tolerance * Math.Max(1, Math.Abs(value))); // float32 in another order
            }
        }
    }
}
