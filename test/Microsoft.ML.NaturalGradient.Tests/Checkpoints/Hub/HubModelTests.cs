using System.Net;
using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>What is downloaded, where it is kept and when it is used again.</summary>
[TestClass]
public sealed class HubModelTests : IDisposable
{
    private const string OtherCommit = "fedcba9876543210fedcba9876543210fedcba98";

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
    [DataRow(true, false)]
    [DataRow(false, true)]
    [DataRow(false, false)]
    public void Open_SecondTime_AsksNothing(bool serverGone, bool offline)
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);
        _fixture.Open().Dispose();
        var asked = Hub.Requests.Count;
        var endpoint = Hub.Endpoint;
        if (serverGone)
        {
            Hub.Dispose();
        }

        using var files = _fixture.Open(_fixture.Settings(endpoint, offline: offline));

        using var content = files.Open(HubFixture.Weights);
        Assert.AreEqual(weights.Length, content.Length);
        Assert.AreEqual(asked, Hub.Requests.Count);
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
        Hub.AlsoListed.AddRange(["onnx/config.json", "1_Pooling/config.json"]);

        _fixture.Open().Dispose();

        CollectionAssert.AreEquivalent(
            new[] { "config.json", "vocab.txt", "sentencepiece.bpe.model", HubFixture.Weights }, Names(_fixture.Snapshot));
        Assert.AreEqual(4, Hub.Requests.Count(seen => seen.Line.StartsWith("HEAD", StringComparison.Ordinal)));
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
    public void Open_CacheThatPythonFilled_AsksNothing()
    {
        WriteAsPython("config.json", "vocab.txt", HubFixture.Weights);

        using var files = _fixture.Open();

        using var reader = new StreamReader(files.Open("vocab.txt"));
        Assert.AreEqual("content of vocab.txt", reader.ReadToEnd());
        Assert.IsEmpty(Hub.Requests);
    }

    [TestMethod]
    public void Open_PythonCachedWeightsWithoutTokenizer_FetchesOnlyTheRest()
    {
        Hub.AddLarge(HubFixture.Weights, 1000);
        WriteAsPython("config.json", HubFixture.Weights);

        using var files = _fixture.Open();

        Assert.IsTrue(files.Exists("vocab.txt"));
        Assert.IsEmpty(Hub.Downloads(HubFixture.Weights));
        Assert.AreEqual("content of config.json", Encoding.UTF8.GetString(_fixture.Downloaded("config.json")));
    }

    [TestMethod]
    public void Open_NoTokenizerInCacheAndNoNetwork_GoesOnWithWhatThereIs()
    {
        WriteAsPython("config.json", HubFixture.Weights);
        Hub.Dispose();

        using var files = _fixture.Open();

        Assert.IsTrue(files.Exists(HubFixture.Weights));
        StringAssert.Contains(_fixture.Lines.Last(), $"{Hub.Endpoint.Authority} gave no answer: ");
        StringAssert.EndsWith(_fixture.Lines.Last(), "Going on with the files of org/tiny that are in the cache.");
    }

    [TestMethod]
    public void Open_OfflineAndNotCached_SaysWhatToDo()
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => _fixture.Open(_fixture.Settings(offline: true), "v1"));

        StringAssert.Contains(error.Message, "HF_HUB_OFFLINE is set");
        StringAssert.Contains(error.Message, $"org/tiny@v1 is not, or not completely, in the cache '{_fixture.Cache}'");
        StringAssert.Contains(error.Message, "hf download org/tiny --revision v1");
        Assert.IsEmpty(Hub.Requests);
    }

    [TestMethod]
    public void Open_OtherRevision_KeepsBothAndSharesContents()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);
        Hub.Revisions["releases/v1"] = OtherCommit;
        _fixture.Open().Dispose();

        _fixture.Open(revision: "releases/v1").Dispose();

        Assert.AreEqual(OtherCommit, File.ReadAllText(Path.Combine(_fixture.Repository, "refs", "releases", "v1")));
        CollectionAssert.AreEqual(weights, File.ReadAllBytes(Path.Combine(_fixture.Repository, "snapshots", OtherCommit, HubFixture.Weights)));
        Assert.HasCount(1, Hub.Downloads(HubFixture.Weights));
    }

    [TestMethod]
    public void Open_Commit_IsTakenLiterallyAndLeavesNoRef()
    {
        Hub.AddLarge(HubFixture.Weights, 1000);

        _fixture.Open(revision: FakeHub.Commit).Dispose();
        _fixture.Open(_fixture.Settings(offline: true), FakeHub.Commit).Dispose();

        Assert.IsFalse(Directory.Exists(Path.Combine(_fixture.Repository, "refs")));
    }

    [TestMethod]
    public void Open_BranchHasMoved_KeepsWhatIsCached()
    {
        Hub.AddLarge(HubFixture.Weights, 1000);
        _fixture.Open().Dispose();
        Hub.Revisions["main"] = OtherCommit;

        using var files = _fixture.Open();

        StringAssert.Contains(files.Description, FakeHub.Commit);
    }

    [TestMethod]
    public void Open_NoSymbolicLinks_Copies()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);

        _fixture.Open(_fixture.Settings(links: false)).Dispose();

        Assert.IsNull(new FileInfo(Path.Combine(_fixture.Snapshot, HubFixture.Weights)).LinkTarget);
        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
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
    public async Task Open_TwoAtOnce_DownloadEachFileOnce()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 400_000);
        var both = new TaskCompletionSource();
        Hub.Fault = async (context, _) =>
        {
            if (Hub.IsStorage(context))
            {
                await both.Task; // until the other one has found the lock taken
            }

            return false;
        };
        void Report(string line)
        {
            if (line == $"Another process downloads {HubFixture.Weights}; waiting for it.")
            {
                both.SetResult();
            }
        }

        var model = _fixture.Model(_fixture.Settings(time: TimeProvider.System));
        var opened = await Task.WhenAll(Task.Run(() => model.Open(Report)), Task.Run(() => model.Open(Report)));

        Assert.HasCount(2, opened);
        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        Assert.HasCount(1, Hub.Downloads(HubFixture.Weights));
        Assert.IsEmpty(Directory.EnumerateFiles(_fixture.Repository, "*.incomplete", SearchOption.AllDirectories));
    }

    [TestMethod]
    public void Open_LockIsNeverGivenUp_SaysWhichItIs()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);
        var path = Path.Combine(_fixture.Cache, ".locks", "models--org--tiny", FakeHub.Sha256Of(weights) + ".lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var held = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None);

        var error = Assert.ThrowsExactly<IOException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"held the lock '{path}' for 00:05:00 without downloading anything of {HubFixture.Weights}");
        Assert.IsEmpty(Hub.Downloads(HubFixture.Weights));
        Assert.HasCount(1, _fixture.Lines.Where(line => line.Contains("waiting for it", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Open_OtherProcessIsSlowButGetsOn_WaitsForItsEnd()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);
        _fixture.WritePart(weights, []);
        var path = Path.Combine(_fixture.Cache, ".locks", "models--org--tiny", FakeHub.Sha256Of(weights) + ".lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var held = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        _fixture.Time.OnPause = count =>
        {
            const int longest = 5 * 60 * 4; // pauses in five minutes
            if (count == 3 * longest)
            {
                File.WriteAllBytes(_fixture.BlobOf(weights), weights);
                held.Dispose();
            }
            else if (count % (longest - 10) == 0)
            {
                File.AppendAllText(_fixture.PartOf(weights), "x");
            }
        };

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        Assert.IsEmpty(Hub.Downloads(HubFixture.Weights));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Open_CacheCannotBeWritten_SaysWhichVariableMovesIt(bool inFolder)
    {
        Hub.AddLarge(HubFixture.Weights, 1000);
        if (inFolder)
        {
            // A folder in place of a lock file is reported like a lack of rights.
            Directory.CreateDirectory(Path.Combine(
                _fixture.Cache, ".locks", "models--org--tiny", FakeHub.GitHashOf(Hub.Small["config.json"]) + ".lock"));
        }
        else
        {
            File.WriteAllText(_fixture.Cache, "a file where the folder should be");
        }

        var error = Assert.ThrowsExactly<IOException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"'{_fixture.Cache}' for downloaded models cannot be written");
        StringAssert.Contains(error.Message, "HF_HUB_CACHE");
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

    /// <summary>The layout that huggingface_hub's documentation of its cache describes.</summary>
    private void WriteAsPython(params string[] files)
    {
        var repository = _fixture.Repository;
        Directory.CreateDirectory(Path.Combine(repository, "blobs"));
        Directory.CreateDirectory(Path.Combine(repository, "refs"));
        Directory.CreateDirectory(Path.Combine(repository, "snapshots", FakeHub.Commit));
        File.WriteAllText(Path.Combine(repository, "refs", "main"), FakeHub.Commit);
        foreach (var file in files)
        {
            var content = Encoding.UTF8.GetBytes("content of " + file);
            var blob = FakeHub.GitHashOf(content);
            File.WriteAllBytes(Path.Combine(repository, "blobs", blob), content);
            File.CreateSymbolicLink(Path.Combine(repository, "snapshots", FakeHub.Commit, file), $"../../blobs/{blob}");
        }
    }
}
