namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>Several processes that download the same files.</summary>
[TestClass]
public sealed class HubLockTests : IDisposable
{
    private readonly HubFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    public void Dispose() => _fixture.Dispose();

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
}
