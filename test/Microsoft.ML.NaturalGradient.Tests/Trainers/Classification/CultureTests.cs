using System.Globalization;
using System.IO.Compression;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>The machine's language changes neither what is learned nor what is written: in Turkish I is not the capital of i, in German 0.5 is 0,5.</summary>
[TestClass]
public sealed class CultureTests
{
    private static readonly CultureInfo Before = CultureInfo.CurrentCulture;

    [TestCleanup]
    public void Restore() => CultureInfo.CurrentCulture = Before;

    [TestMethod]
    [DataRow("tr-TR")]
    [DataRow("de-DE")]
    public void FitSaveAndScore_OtherCulture_GiveTheSameFilesAndScores(string culture)
    {
        var (expected, expectedScores, expectedLog) = Train("");

        var (actual, scores, log) = Train(culture);

        CollectionAssert.AreEqual(expectedScores, scores);
        CollectionAssert.AreEqual(expectedLog, log);
        Assert.HasCount(2, log);
        CollectionAssert.AreEqual(expected.Keys.Order(StringComparer.Ordinal).ToArray(), actual.Keys.Order(StringComparer.Ordinal).ToArray());
        foreach (var (name, content) in expected)
        {
            CollectionAssert.AreEqual(content, actual[name], name);
        }
    }

    [TestMethod]
    [DataRow("tr-TR")]
    [DataRow("de-DE")]
    public void Validate_SettingOutOfRange_WritesItsNumberAsEverywhere(string culture)
    {
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>((Optimizers.Ief with { Damping = -0.5 }).Validate);

        StringAssert.Contains(error.Message, "-0.5");
    }

    // Everything that a run writes, by name, its scores, and what it logs but for the speed.
    private static (Dictionary<string, byte[]> Files, float[] Scores, string[] Log) Train(string culture)
    {
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
        var mlContext = new MLContext(seed: 1);
        var log = new List<string>();
        mlContext.Log += (_, message) => log.Add(message.Message);
        var rows = TinyText.Rows(16);
        foreach (var row in rows)
        {
            row.Text = row.Text!.ToUpperInvariant(); // FILM WAS NICE
            row.Label = row.Label == "good" ? "0.5" : "1.25";
        }

        var data = TinyText.View(mlContext, rows);
        var keys = mlContext.Transforms.Conversion.ConvertType("Label", outputKind: DataKind.Single)
            .Append(mlContext.Transforms.Conversion.MapValueToKey("Label")).Fit(data).Transform(data);
        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.ValidationSetFraction = 0.25;
            options.Adapter = new LoraOptions { Rank = 4, Alpha = 2.5, Dropout = 0.125 };
        }).Fit(keys);
        var folder = Directory.CreateTempSubdirectory("culture").FullName;
        try
        {
            var zip = Path.Combine(folder, "model.zip");
            mlContext.Model.Save(model, keys.Schema, zip);
            ZipFile.ExtractToDirectory(zip, Path.Combine(folder, "zip"));
            File.Delete(zip); // it has the time of day inside
            model.Model.SavePretrained(Path.Combine(folder, "pretrained"));
            model.Model.SavePeft(Path.Combine(folder, "peft"), "base");
            var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .ToDictionary(path => Path.GetRelativePath(folder, path), File.ReadAllBytes);
            var epochs = log.Where(line => line.Contains(" rows/s", StringComparison.Ordinal)).Select(line => line[..line.LastIndexOf("; ", StringComparison.Ordinal)]);
            return (files, [.. TinyText.Scores(model, keys).SelectMany(row => row)], [.. epochs]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
