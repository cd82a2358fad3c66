using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>What can go wrong while a file is transferred.</summary>
[TestClass]
public sealed class HubDownloadTests : IDisposable
{
    private readonly HubFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    public void Dispose() => _fixture.Dispose();

    [TestMethod]
    public void Open_ConnectionCut_GoesOnWhereItStopped()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 500_000);
        var condition = "not asked";
        Hub.Fault = OnStorage(async (context, time) =>
        {
            condition = context.Request.Headers.IfRange.ToString();
            return time == 1 && await SendAndCutAsync(context, weights, 0, 200_000);
        });

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        CollectionAssert.AreEqual(new[] { "", "bytes=200000-" }, Hub.Downloads(HubFixture.Weights).Select(seen => seen.Range).ToArray());
        Assert.AreEqual("", condition); // the hub's tag would mean nothing to the storage server, which would send all again
        Assert.HasCount(1, _fixture.Time.Pauses);
    }

    [TestMethod]
    public void Open_CutAgainAndAgainAfterMuch_DoesNotCountAsFailure()
    {
        const int piece = 1_100_000;
        var weights = Hub.AddLarge(HubFixture.Weights, 9 * piece);
        Hub.Fault = OnStorage((context, _) =>
        {
            var range = context.Request.Headers.Range.ToString();
            var first = range.Length == 0 ? 0 : int.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture);
            context.Response.StatusCode = first == 0 ? 200 : 206;
            context.Response.Headers.ContentRange = first == 0 ? default : new($"bytes {first}-{weights.Length - 1}/{weights.Length}");
            return SendAndCutAsync(context, weights, first, Math.Min(piece, weights.Length - first));
        });

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        Assert.IsGreaterThan(6, Hub.Downloads(HubFixture.Weights).Length);
        Assert.IsEmpty(_fixture.Time.Pauses);
    }

    [TestMethod]
    public void Open_ServerDiesAndComesBack_KeepsThePart()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 500_000);
        Hub.Fault = OnStorage(async (context, time) =>
        {
            if (time == 1)
            {
                return await SendAndCutAsync(context, weights, 0, 300_000);
            }

            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return true;
        });
        var error = Assert.Throws<IOException>(() => _fixture.Open());
        var part = new FileInfo(_fixture.PartOf(weights)).Length;
        Hub.Fault = null;

        _fixture.Open().Dispose();

        StringAssert.Contains(error.Message, $"{Hub.Storage.Authority} answered 503");
        Assert.AreEqual(300_000, part);
        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        Assert.AreEqual("bytes=300000-", Hub.Downloads(HubFixture.Weights)[^1].Range);
        Assert.IsFalse(File.Exists(_fixture.PartOf(weights)));
    }

    [TestMethod]
    public void Open_Cancelled_KeepsThePartAndEnds()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 500_000);
        using var source = new CancellationTokenSource();
        Hub.Fault = OnStorage(async (context, _) =>
        {
            context.Response.ContentLength = weights.Length;
            await context.Response.Body.WriteAsync(weights.AsMemory(0, 100_000));
            await context.Response.Body.FlushAsync();
            await WaitForPartAsync(weights, 100_000);
            await source.CancelAsync();
            context.Abort();
            return true;
        });

        Assert.Throws<OperationCanceledException>(() => _fixture.Model().Open(null, source.Token));

        Assert.AreEqual(100_000, new FileInfo(_fixture.PartOf(weights)).Length);
        Assert.HasCount(1, Hub.Downloads(HubFixture.Weights));
    }

    [TestMethod]
    public void Open_DamagedPart_StartsAgain()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 50_000);
        _fixture.WritePart(weights, new byte[20_000]);

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        CollectionAssert.AreEqual(new[] { "bytes=20000-", "" }, Hub.Downloads(HubFixture.Weights).Select(seen => seen.Range).ToArray());
    }

    [TestMethod]
    [DataRow(50_000, 0)]
    [DataRow(50_001, 1)]
    public void Open_PartAsLongAsTheFileOrLonger_IsVerifiedOrDropped(int length, int downloads)
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 50_000);
        _fixture.WritePart(weights, [.. weights, .. new byte[length - weights.Length]]);

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        Assert.HasCount(downloads, Hub.Downloads(HubFixture.Weights));
    }

    [TestMethod]
    public void Open_CachedContentIsTooShort_IsReplaced()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 50_000);
        Directory.CreateDirectory(Path.Combine(_fixture.Repository, "blobs"));
        File.WriteAllBytes(_fixture.BlobOf(weights), weights[..20_000]);

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
    }

    [TestMethod]
    public void Open_ServerWithoutRanges_StartsAgain()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 50_000);
        _fixture.WritePart(weights, weights.AsSpan(0, 20_000));
        Hub.Fault = OnStorage((context, _) => SendAsync(context, weights));

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        Assert.HasCount(1, Hub.Downloads(HubFixture.Weights));
    }

    [TestMethod]
    [DataRow(206, "bytes 100-49999/50000")]
    [DataRow(206, "bytes 20000-49999/60000")]
    [DataRow(206, "")]
    [DataRow(416, "bytes */50000")]
    public void Open_ServerAnswersAnotherRange_StartsAgain(int status, string range)
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 50_000);
        _fixture.WritePart(weights, weights.AsSpan(0, 20_000));
        Hub.Fault = OnStorage((context, time) =>
        {
            if (time > 1)
            {
                return Task.FromResult(false);
            }

            context.Response.StatusCode = status;
            context.Response.Headers.ContentRange = range;
            return SendAsync(context, status == 206 ? weights[20_000..] : []);
        });

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        Assert.AreEqual("", Hub.Downloads(HubFixture.Weights)[^1].Range);
    }

    [TestMethod]
    public void Open_SmallFileResumed_ProvesThatItIsTheSame()
    {
        var config = Hub.Small["config.json"];
        Hub.AddLarge(HubFixture.Weights, 1000);
        Directory.CreateDirectory(Path.Combine(_fixture.Repository, "blobs"));
        File.WriteAllBytes(Path.Combine(_fixture.Repository, "blobs", FakeHub.GitHashOf(config) + ".incomplete"), config[..5]);
        var condition = "";
        Hub.Fault = (context, _) =>
        {
            condition += context.Request.Headers.IfRange.ToString();
            return Task.FromResult(false);
        };

        _fixture.Open().Dispose();

        Assert.AreEqual($"\"{FakeHub.GitHashOf(config)}\"", condition);
        CollectionAssert.AreEqual(config, _fixture.Downloaded("config.json"));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Open_ContentHasAnotherHash_IsRefusedAndNotKept(bool large)
    {
        var file = large ? HubFixture.Weights : "vocab.txt";
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);
        var announced = large ? weights : Hub.Small[file];
        Hub.Fault = (context, _) => context.Request.Method == "GET" && context.Request.Path.Value!.EndsWith("/" + file, StringComparison.Ordinal)
            && (!large || Hub.IsStorage(context)) ? SendAsync(context, new byte[announced.Length]) : Task.FromResult(false);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"The download of {file} was refused: its hash is ");
        Assert.IsFalse(File.Exists(Path.Combine(_fixture.Snapshot, file)));
        Assert.IsEmpty(Directory.EnumerateFiles(Path.Combine(_fixture.Repository, "blobs"))
            .Where(path => path.Contains(large ? FakeHub.Sha256Of(announced) : FakeHub.GitHashOf(announced), StringComparison.Ordinal)));
        Assert.IsFalse(Directory.Exists(Path.Combine(_fixture.Repository, "refs")));
        Assert.IsEmpty(_fixture.Time.Pauses);
    }

    [TestMethod]
    [DataRow(999)]
    [DataRow(1001)]
    public void Open_LengthIsNotTheAnnounced_IsRefusedBeforeTheTransfer(int length)
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 1000);
        Hub.Fault = OnStorage((context, _) => SendAsync(context, new byte[length]));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"the server sends {length} bytes, but 1000 were announced");
        Assert.IsFalse(File.Exists(_fixture.PartOf(weights)));
    }

    [TestMethod]
    public void Open_EndlessContent_IsStoppedAtTheAnnouncedSize()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 300_000);
        Hub.Fault = OnStorage(async (context, _) =>
        {
            var piece = new byte[1 << 16];
            for (var sent = 0; sent < 1 << 26 && !context.RequestAborted.IsCancellationRequested; sent += piece.Length)
            {
                await context.Response.Body.WriteAsync(piece); // no length: sent in chunks
            }

            return true;
        });

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, "the server sends more than the 300000 bytes that were announced");
        Assert.IsFalse(File.Exists(_fixture.PartOf(weights)));
        Assert.HasCount(1, Hub.Downloads(HubFixture.Weights));
    }

    [TestMethod]
    public void Open_ServerIsSilent_IsAskedAgain()
    {
        var weights = Hub.AddLarge(HubFixture.Weights, 50_000);
        Hub.Fault = OnStorage(async (context, time) =>
        {
            if (time > 1)
            {
                return false;
            }

            context.Response.ContentLength = weights.Length;
            await context.Response.Body.WriteAsync(weights.AsMemory(0, 1000));
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        });

        _fixture.Open(_fixture.Settings(networkTimeout: TimeSpan.FromSeconds(2))).Dispose();

        CollectionAssert.AreEqual(weights, _fixture.Downloaded(HubFixture.Weights));
        StringAssert.Contains(string.Join('\n', _fixture.Lines), $"{Hub.Storage.Authority} gave no answer: it was silent for 2 seconds");
    }

    [TestMethod]
    public void Open_DiskTooSmall_IsSaidBeforeTheTransfer()
    {
        Hub.AddLarge(HubFixture.Weights, 1000);
        Hub.Fault = (context, _) =>
        {
            if (!context.Request.Path.Value!.EndsWith(HubFixture.Weights, StringComparison.Ordinal))
            {
                return Task.FromResult(false);
            }

            context.Response.StatusCode = StatusCodes.Status302Found;
            context.Response.Headers["X-Linked-ETag"] = new string('a', 64);
            context.Response.Headers["X-Linked-Size"] = "1000000000000000000";
            return Task.FromResult(true);
        };

        var error = Assert.ThrowsExactly<IOException>(() => _fixture.Open());

        StringAssert.StartsWith(error.Message, "The disk has no space for model.safetensors, which has 1000000000000000000 bytes:");
        StringAssert.Contains(error.Message, "HF_HUB_CACHE");
    }

    [TestMethod]
    public void Open_DiskBecomesFull_SaysSoAndDoesNotTryAgain()
    {
        if (!File.Exists("/dev/full"))
        {
            Assert.Inconclusive("Needs a device that is always full.");
        }

        var weights = Hub.AddLarge(HubFixture.Weights, 50_000);
        Directory.CreateDirectory(Path.Combine(_fixture.Repository, "blobs"));
        File.CreateSymbolicLink(_fixture.PartOf(weights), "/dev/full");

        var error = Assert.ThrowsExactly<IOException>(() => _fixture.Open());

        StringAssert.StartsWith(error.Message, "The disk has no space for model.safetensors, which has 50000 bytes:");
        Assert.HasCount(1, Hub.Downloads(HubFixture.Weights));
    }

    [TestMethod]
    public void Open_LargeFile_ReportsHowMuchThereIs()
    {
        Hub.AddLarge(HubFixture.Weights, 2_345_678);

        _fixture.Open().Dispose();

        var lines = _fixture.Lines.Where(line => line.StartsWith(HubFixture.Weights, StringComparison.Ordinal)).ToArray();
        Assert.IsGreaterThan(1, lines.Length);
        Assert.IsTrue(lines.All(line => line.EndsWith(" of 2.3 MB", StringComparison.Ordinal)));
        Assert.AreEqual("model.safetensors 2.3 of 2.3 MB", lines[^1]);
    }

    private static async Task<bool> SendAsync(HttpContext context, byte[] content)
    {
        context.Response.ContentLength = content.Length;
        await context.Response.Body.WriteAsync(content);
        return true;
    }

    /// <summary>Announces all from a byte on, sends some, and cuts the connection as soon as that has reached the client's disk.</summary>
    private async Task<bool> SendAndCutAsync(HttpContext context, byte[] content, int first, int count)
    {
        context.Response.ContentLength = content.Length - first;
        await context.Response.Body.WriteAsync(content.AsMemory(first, count));
        await context.Response.Body.FlushAsync();
        if (first + count < content.Length)
        {
            await WaitForPartAsync(content, first + count);
            context.Abort();
        }

        return true;
    }

    private async Task WaitForPartAsync(byte[] content, int length)
    {
        for (var wait = 0; wait < 2000 && !(new FileInfo(_fixture.PartOf(content)) is { Exists: true } part && part.Length == length); wait++)
        {
            await Task.Delay(5);
        }
    }

    private Func<HttpContext, int, Task<bool>> OnStorage(Func<HttpContext, int, Task<bool>> fault) =>
        (context, time) => Hub.IsStorage(context) ? fault(context, time) : Task.FromResult(false);
}
