using System.Text;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>A repository of a model that reads pictures: it has a preprocessor and no tokenizer.</summary>
[TestClass]
public sealed class HubImageModelTests : IDisposable
{
    private const string Preprocessor = "preprocessor_config.json";

    private readonly HubFixture _fixture = new();

    public HubImageModelTests()
    {
        Hub.Small.Remove("vocab.txt");
        Hub.Small["config.json"] = """{ "model_type": "dinov2", "image_size": 224 }"""u8.ToArray();
        Hub.Small[Preprocessor] = """{ "image_processor_type": "BitImageProcessor" }"""u8.ToArray();
        Hub.AddLarge(HubFixture.Weights, 1000);
    }

    private FakeHub Hub => _fixture.Hub;

    public void Dispose() => _fixture.Dispose();

    [TestMethod]
    public void Open_EmptyCache_DownloadsThePreprocessor()
    {
        using var files = _fixture.Open();

        CollectionAssert.AreEqual(Hub.Small[Preprocessor], _fixture.Downloaded(Preprocessor));
        CollectionAssert.AreEquivalent(
            new[] { "config.json", Preprocessor, HubFixture.Weights },
            Directory.EnumerateFiles(_fixture.Snapshot).Select(path => Path.GetFileName(path)).ToArray());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Open_SecondTime_AsksNothing(bool offline)
    {
        _fixture.Open().Dispose();
        var asked = Hub.Requests.Count;

        using var files = _fixture.Open(_fixture.Settings(offline: offline));

        Assert.IsTrue(files.Exists(Preprocessor));
        Assert.AreEqual(asked, Hub.Requests.Count);
    }

    [TestMethod]
    public void Open_PreprocessorNotInCache_FetchesOnlyTheRest()
    {
        _fixture.Open().Dispose();
        File.Delete(Path.Combine(_fixture.Snapshot, Preprocessor));
        Hub.Requests.Clear();

        using var files = _fixture.Open();

        Assert.IsTrue(files.Exists(Preprocessor));
        Assert.IsEmpty(Hub.Downloads(HubFixture.Weights));
        Assert.HasCount(1, Hub.Requests.Where(seen => seen.Line.StartsWith("HEAD", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow("""{ "model_type": "bert" }""")]
    [DataRow("""{ "architecture": "no type" }""")]
    public void Open_PreprocessorOfAModelThatReadsNoPictures_StillAsksForTheTokenizer(string config)
    {
        Hub.Small["config.json"] = Encoding.UTF8.GetBytes(config);
        _fixture.Open().Dispose();
        Hub.Small["vocab.txt"] = "[PAD]"u8.ToArray();

        using var files = _fixture.Open();

        Assert.IsTrue(files.Exists("vocab.txt"));
    }
}
