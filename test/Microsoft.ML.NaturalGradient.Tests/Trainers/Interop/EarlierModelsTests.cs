using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

/// <summary>Models that were saved when the library was one assembly load, and score the same.</summary>
[TestClass]
public sealed class EarlierModelsTests
{
    private const double Tolerance = 1e-4; // float32, on any processor

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Fixtures", "saved", "one-assembly");

    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    [DataRow("text")]
    [DataRow("pair")]
    [DataRow("t5")]
    [DataRow("number")]
    [DataRow("picture")]
    public void Load_SavedAsOneAssembly_ScoresTheSame(string kind)
    {
        using var expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "scores.json")));

        var model = _mlContext.Model.Load(Path.Combine(Folder, kind + ".zip"), out _);

        var wanted = expected.RootElement.GetProperty(kind).EnumerateArray().Select(score => score.GetDouble()).ToArray();
        var found = Scores(model.Transform(Rows(kind)));
        Assert.HasCount(wanted.Length, found);
        foreach (var (score, other) in wanted.Zip(found))
        {
            Assert.AreEqual(score, other, Tolerance);
        }

        (model as IDisposable)?.Dispose();
    }

    private IDataView Rows(string kind) => kind switch
    {
        "picture" => _mlContext.Data.LoadFromEnumerable(TinyImages.Rows()[..6]),
        "t5" => TinyText.View(_mlContext, TinyText.Rows(8)),
        _ => TinyText.View(_mlContext, TinyText.Rows(8, "good", "bad", "neutral")),
    };

    private static float[] Scores(IDataView scored) => scored.Schema["Score"].Type is VectorDataViewType
        ? [.. scored.GetColumn<float[]>("Score").SelectMany(row => row)]
        : [.. scored.GetColumn<float>("Score")];
}
