using System.Net;
using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>What is asked for, downloaded and used.</summary>
[TestClass]
public sealed class HubModelTests : IDisposable
{
    private readonly HubFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    public void Dispose() => _fixture.Dispose();

    [TestMethod]
    public void Open_EmptyCache_DownloadsInPythonsLayout()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 300_000);

        using var files = _fixture.Open();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        CollectionAssert.AreEqual(Hub.Small["vocab.txt"], _fixture.Downloaded("vocab.txt"));
        Assert.AreEqual(FakeHub.Commit, File.ReadAllText(Path.Combine(_fixture.Repository, "refs", "main")));
        CollectionAssert.AreEquivalent(
            new[] { FakeHub.Sha256Of(weights), FakeHub.GitHashOf(Hub.Small["config.json"]), FakeHub.GitHashOf(Hub.Small["vocab.txt"]) },
            Names(Path.Combine(_fixture.Repository, "blobs")));
        Assert.AreEqual(
            Path.Combine("..", "..", "blobs", FakeHub.Sha256Of(weights)), new FileInfo(Path.Combine(_fixture.Snapshot, HubFixture.Weights)).LinkTarget);
        Assert.AreEqual($"the folder '{_fixture.Snapshot}'", files.Description);
    }

    [TestMethod]
    public void FromHub_NotOpened_AsksNothing()
    {
        var model = _fixture.Model();

        Assert.AreEqual("org/tiny", model.ToString());
        Assert.IsEmpty(Hub.Requests);
        Assert.IsFalse(Directory.Exists(_fixture.Cache));
    }

    [TestMethod]
    public void Open_ManyFiles_TakesNoPickleAndNothingThatIsNotNeeded()
    {
        Hub.AddLarge(HubFixture.Weights, 1000);
        Hub.AddLarge("pytorch_model.bin", 1000);
        Hub.AddLarge("model.onnx", 1000);
        Hub.AddLarge("training_args.bin", 1000);
        Hub.AddLarge("model.safetensors.index.json", 1000);
        Hub.AddLarge("sentencepiece.bpe.model", 1000);
        Hub.AlsoListed.AddRange(["onnx/config.json", "2_Dense/config.json"]);

        _fixture.Open().Dispose();

        CollectionAssert.AreEquivalent(
            new[] { "config.json", "vocab.txt", "sentencepiece.bpe.model", HubFixture.Weights }, Names(_fixture.Snapshot));
        Assert.AreEqual(4, Hub.Requests.Count(seen => seen.Line.StartsWith("HEAD", StringComparison.Ordinal)));
    }

    /// <summary>What says which vector stands for a text is in a folder of its own.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Open_ModelOfSentenceTransformers_BringsItsPooling(bool links)
    {
        Hub.AddLarge(HubFixture.Weights, 1000);
        Hub.Small["modules.json"] = "[]"u8.ToArray();
        Hub.Small["1_Pooling/config.json"] = """{ "pooling_mode_cls_token": true }"""u8.ToArray();

        using var files = _fixture.Open(_fixture.Settings(links: links));

        CollectionAssert.AreEqual(Hub.Small["1_Pooling/config.json"], files.Read("1_Pooling/config.json"));
        CollectionAssert.AreEqual(Hub.Small["modules.json"], files.Read("modules.json"));
        Assert.AreEqual(
            links ? Path.Combine("..", "..", "..", "blobs", FakeHub.GitHashOf(Hub.Small["1_Pooling/config.json"])) : null,
            new FileInfo(Path.Combine(_fixture.Snapshot, "1_Pooling", "config.json")).LinkTarget);
    }

    [TestMethod]
    [DataRow("pytorch_model.bin")]
    [DataRow("pytorch_model-00001-of-00002.bin")]
    public void Open_OnlyPickles_RefusesBeforeAnyDownload(string pickle)
    {
        Hub.AddLarge(pickle, 1000);

        var error = Assert.ThrowsExactly<NotSupportedException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"The weights of org/tiny are in '{pickle}', a Python pickle. Reading a pickle can run any code");
        StringAssert.Contains(error.Message, "AutoModel.from_pretrained('org/tiny', revision='main').save_pretrained(");
        Assert.HasCount(1, Hub.Requests);
        Assert.IsFalse(Directory.Exists(_fixture.Cache));
    }

    [TestMethod]
    [DataRow("config.json")]
    [DataRow("model.safetensors")]
    public void Open_FileNotInRepository_NamesIt(string file)
    {
        Hub.AddLarge(HubFixture.Weights, 1000);
        Hub.Small.Remove(file);
        Hub.Large.Remove(file);

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => _fixture.Open());

        StringAssert.StartsWith(error.Message, $"The repository of org/tiny has no {file}.");
    }

    [TestMethod]
    public void Open_WeightsInSeveralFiles_DownloadsThoseOfTheIndex()
    {
        var source = Directory.CreateTempSubdirectory("hub-sharded").FullName;
        ShardedCopy.Create(TinyText.Folder, Path.Combine(source, "model"));
        AddFolder(Path.Combine(source, "model"));
        Hub.AddLarge("model-00003-of-00002.safetensors", 1000);
        Directory.Delete(source, recursive: true);

        using var files = _fixture.Open();
        using var weights = files.OpenWeights();
        using var reference = SafetensorsFile.Open(Path.Combine(TinyText.Folder, HubFixture.Weights));

        CollectionAssert.AreEquivalent(reference.Names.ToArray(), weights.Names.ToArray());
        Assert.IsEmpty(Hub.Downloads("model-00003-of-00002.safetensors"));
        _fixture.Open(_fixture.Settings(offline: true)).Dispose();
    }

    [TestMethod]
    [DataRow("../../../evil.safetensors", typeof(InvalidDataException), "not the plain name of a safetensors file")]
    [DataRow("absent.safetensors", typeof(FileNotFoundException), "The repository of org/tiny has no absent.safetensors.")]
    public void Open_IndexNamesWhatIsNotListed_IsRefused(string shard, Type type, string message)
    {
        Hub.Small["model.safetensors.index.json"] = Encoding.UTF8.GetBytes($$"""{"weight_map":{"a":"{{shard}}"} }""");

        var error = Assert.Throws<Exception>(() => _fixture.Open());

        Assert.AreEqual(type, error.GetType());
        StringAssert.Contains(error.Message, message);
        Assert.IsFalse(Hub.Requests.Any(seen => seen.Line.Contains("evil", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Open_Token_GoesToTheHubAndToNoOtherServer()
    {
        Hub.AddLarge(HubFixture.Weights, 1000);

        _fixture.Open(_fixture.Settings(token: "hf_token")).Dispose();

        Assert.IsNotEmpty(Hub.Downloads(HubFixture.Weights));
        foreach (var seen in Hub.Requests)
        {
            var toHub = seen.Line.Contains($" {Hub.Endpoint.Port} ", StringComparison.Ordinal);
            Assert.AreEqual(toHub ? "Bearer hf_token" : "", seen.Authorization, seen.Line);
        }
    }

    [TestMethod]
    public void Open_Proxy_GetsEveryRequest()
    {
        Hub.Small[HubFixture.Weights] = "weights"u8.ToArray();

        _fixture.Open(_fixture.Settings(new Uri("http://hub.invalid"), proxy: new WebProxy(Hub.Endpoint))).Dispose();

        Assert.IsTrue(Hub.Requests.All(seen => seen.Host == "hub.invalid"));
        Assert.AreEqual("weights", Encoding.UTF8.GetString(_fixture.Downloaded(HubFixture.Weights)));
    }

    [TestMethod]
    public void Fit_ModelOfAHub_DownloadsSaysSoAndLoadsAgain()
    {
        AddFolder(TinyText.Folder);
        var messages = new List<string>();
        var mlContext = new MLContext(seed: 1);
        mlContext.Log += (_, log) => messages.Add(log.Message);
        var data = TinyText.KeyedRows(mlContext, 16);
        using var local = TinyText.Trainer(mlContext, options => options.MaxEpoch = 1).Fit(data);
        var path = Path.Combine(_fixture.Cache, "..", "model.zip");

        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.Model = _fixture.Model();
            options.SaveBaseModel = false;
            options.MaxEpoch = 1;
        }).Fit(data);
        mlContext.Model.Save(model, data.Schema, path);
        var other = new MLContext().UsePretrainedModel(_fixture.Model(_fixture.Settings(offline: true)));
        using var loaded = (TextClassificationTransformer)other.Model.Load(path, out _);

        var expected = TinyText.Scores(local, data).SelectMany(row => row).ToArray();
        CollectionAssert.AreEqual(expected, TinyText.Scores(loaded, data).SelectMany(row => row).ToArray());
        Assert.IsTrue(messages.Any(message => message.Contains(
            $"Downloading org/tiny (commit {FakeHub.Commit}) from {Hub.Endpoint.Authority} to '{_fixture.Snapshot}'.", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_CancelledBeforeTheDownload_AsksNothing()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 16);
        using var source = new CancellationTokenSource();
        source.Cancel();

        Assert.Throws<OperationCanceledException>(() => TinyText.Trainer(mlContext, options =>
        {
            options.Model = _fixture.Model();
            options.CancellationToken = source.Token;
        }).Fit(data));

        Assert.IsEmpty(Hub.Requests);
    }

    private static string[] Names(string folder) => [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))];

    private void AddFolder(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder))
        {
            var files = Path.GetExtension(path) == ".safetensors" ? Hub.Large : Hub.Small;
            files[Path.GetFileName(path)] = File.ReadAllBytes(path);
        }
    }
}
