using System.Text;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>Where downloads are kept and when they are used again.</summary>
[TestClass]
public sealed class HubCacheTests : IDisposable
{
    private const string OtherCommit = "fedcba9876543210fedcba9876543210fedcba98";

    private readonly HubFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    public void Dispose() => _fixture.Dispose();

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
    public void Open_LinkToAContentThatIsGone_FetchesItAgain()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);
        _fixture.Open().Dispose();
        File.Delete(_fixture.BlobOf(weights));

        using var files = _fixture.Open();

        using var content = files.Open(HubFixture.Weights);
        Assert.AreEqual(weights.Length, content.Length);
        Assert.HasCount(2, Hub.Downloads(HubFixture.Weights));
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
