using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>Answers of a hub that are no files, or not to be believed.</summary>
[TestClass]
public sealed class HubErrorsTests : IDisposable
{
    private readonly HubFixture _fixture = new();

    private FakeHub Hub => _fixture.Hub;

    [TestInitialize]
    public void AddWeights() => Hub.AddLarge(HubFixture.Weights, 1000);

    public void Dispose() => _fixture.Dispose();

    [TestMethod]
    [DataRow(401, "GatedRepo", "It is gated: accept its terms at ")]
    [DataRow(403, "GatedRepo", "It is gated: accept its terms at ")]
    [DataRow(401, "RepoNotFound", "It does not exist or is private: check the name.")]
    [DataRow(401, "", "It is private or gated, or it does not exist")]
    [DataRow(403, "", "It is private or gated, or it does not exist")]
    public void Open_NoAccess_SaysHowToGetIt(int status, string code, string why)
    {
        Hub.Fault = (context, _) => AnswerAsync(context, status, ("X-Error-Code", code));

        var without = Assert.ThrowsExactly<InvalidOperationException>(() => _fixture.Open());
        var with = Assert.ThrowsExactly<InvalidOperationException>(() => _fixture.Open(_fixture.Settings(token: "hf_secret")));

        StringAssert.Contains(without.Message, $"does not give access to the model 'org/tiny' ({status}");
        StringAssert.Contains(without.Message, why);
        StringAssert.Contains(without.Message, $"No token was sent: create one that may read at {Hub.Endpoint}settings/tokens");
        StringAssert.Contains(with.Message, "The token that was sent does not allow it");
        Assert.IsFalse(with.Message.Contains("secret", StringComparison.Ordinal));
        Assert.HasCount(2, Hub.Requests);
    }

    [TestMethod]
    public void Open_AccessToFilesOnlyIsRefused_SaysHowToGetIt()
    {
        Hub.Fault = (context, _) => context.Request.Path.Value!.Contains("/resolve/", StringComparison.Ordinal)
            ? AnswerAsync(context, 403, ("X-Error-Code", "GatedRepo"))
            : Task.FromResult(false);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"accept its terms at {Hub.Endpoint}org/tiny.");
    }

    [TestMethod]
    public void Open_StorageRefuses_DoesNotBlameTheToken()
    {
        Hub.Fault = (context, _) => Hub.IsStorage(context) ? AnswerAsync(context, 403) : Task.FromResult(false);

        var error = Assert.ThrowsExactly<IOException>(() => _fixture.Open());

        StringAssert.StartsWith(error.Message, $"{Hub.Storage.Authority} answered 403 Forbidden when asked for model.safetensors.");
        Assert.IsFalse(error.Message.Contains("signature", StringComparison.Ordinal));
    }

    [TestMethod]
    [DataRow("RepoNotFound", "There is no model 'org/tiny' at ")]
    [DataRow("RevisionNotFound", "has no revision 'v9'")]
    public void Open_NotFoundWithCode_SaysWhich(string code, string message)
    {
        Hub.Fault = (context, _) => AnswerAsync(context, 404, ("X-Error-Code", code));

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => _fixture.Open(revision: "v9"));

        StringAssert.Contains(error.Message, message);
        Assert.HasCount(1, Hub.Requests);
    }

    [TestMethod]
    [DataRow(true, "The model 'org/tiny' at ")]
    [DataRow(false, "There is no model 'org/tiny' at ")]
    public void Open_NotFoundWithoutCode_FindsOutWhich(bool modelExists, string message)
    {
        Hub.Fault = (context, _) => modelExists ? Task.FromResult(false) : AnswerAsync(context, 404);

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => _fixture.Open(revision: "v9"));

        StringAssert.StartsWith(error.Message, message);
        Assert.IsFalse(Directory.Exists(_fixture.Cache));
    }

    [TestMethod]
    public void Open_ListedFileIsNotThere_NamesIt()
    {
        Hub.AlsoListed.Add("merges.txt");

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, "does not have merges.txt (404 Not Found), although the hub lists it");
    }

    [TestMethod]
    [DataRow("7", 7)]
    [DataRow("3600", 60)]
    public void Open_TooManyRequests_WaitsAsLongAsAskedButNotForEver(string retryAfter, double pause)
    {
        Hub.Fault = (context, time) => time == 1 && context.Request.Path.Value!.StartsWith("/api", StringComparison.Ordinal)
            ? AnswerAsync(context, 429, ("Retry-After", retryAfter))
            : Task.FromResult(false);

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(new[] { pause }, _fixture.Time.Pauses);
        StringAssert.Contains(
            string.Join('\n', _fixture.Lines),
            $"answered 429 Too Many Requests when asked for the model 'org/tiny'. Trying again in {pause} s.");
    }

    [TestMethod]
    public void Open_RetryAfterIsADate_WaitsUntilThen()
    {
        var date = _fixture.Time.GetUtcNow().AddSeconds(20).ToString("R", CultureInfo.InvariantCulture);
        Hub.Fault = (context, time) => time == 1 && !Hub.IsStorage(context) && context.Request.Method == "GET"
            && context.Request.Path.Value!.StartsWith("/api", StringComparison.Ordinal)
            ? AnswerAsync(context, 503, ("Retry-After", date))
            : Task.FromResult(false);

        _fixture.Open().Dispose();

        Assert.HasCount(1, _fixture.Time.Pauses);
        Assert.IsTrue(_fixture.Time.Pauses[0] is > 10 and <= 20, $"{_fixture.Time.Pauses[0]}"); // the clock goes on meanwhile
    }

    [TestMethod]
    [DataRow(408)]
    [DataRow(500)]
    [DataRow(503)]
    public void Open_ServerErrorsThatPass_AreWaitedOut(int status)
    {
        Hub.Fault = (context, time) => time <= 2 ? AnswerAsync(context, status) : Task.FromResult(false);

        _fixture.Open().Dispose();

        // The list of files; config.json, vocab.txt and the weights, each twice (HEAD, GET); and the weights at the storage server.
        Assert.HasCount(2 * 8, _fixture.Time.Pauses);
        Assert.IsTrue(_fixture.Time.Pauses.All(pause => pause is > 0 and <= 30));
    }

    [TestMethod]
    public void Open_ServerErrorsThatStay_AreReportedAfterFiveRetries()
    {
        Hub.Fault = (context, _) => AnswerAsync(context, 503);

        var error = Assert.Throws<IOException>(() => _fixture.Open());

        StringAssert.StartsWith(error.Message, $"{Hub.Endpoint.Authority} answered 503 Service Unavailable when asked for the model 'org/tiny'.");
        Assert.HasCount(6, Hub.Requests);
        Assert.HasCount(5, _fixture.Time.Pauses);
        CollectionAssert.AreEqual(_fixture.Time.Pauses.Order().ToArray(), _fixture.Time.Pauses);
        Assert.IsGreaterThan(4 * _fixture.Time.Pauses[0], _fixture.Time.Pauses[4]);
    }

    [TestMethod]
    public void Open_NoServer_SaysWhatToCheck()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var endpoint = new Uri($"http://{listener.LocalEndpoint}");
        listener.Stop();

        var error = Assert.Throws<IOException>(() => _fixture.Open(_fixture.Settings(endpoint)));

        StringAssert.StartsWith(error.Message, $"{endpoint.Authority} gave no answer: ");
        StringAssert.Contains(error.Message, "HTTPS_PROXY");
    }

    [TestMethod]
    [DataRow("../evil.json")]
    [DataRow("a/../../evil.json")]
    [DataRow("/etc/evil.json")]
    [DataRow("a//evil.json")]
    [DataRow("..\\evil.json")]
    [DataRow("C:evil.json")]
    [DataRow("./config.json")]
    [DataRow("")]
    public void Open_ListedPathLeavesTheFolder_RefusesAll(string path)
    {
        Hub.AlsoListed.Add(path);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"lists the file '{path}', whose path leaves the folder of the model");
        Assert.HasCount(1, Hub.Requests);
        Assert.IsFalse(Directory.Exists(_fixture.Cache));
    }

    [TestMethod]
    [DataRow("<html>Please log in</html>")]
    [DataRow("{}")]
    [DataRow("[]")]
    [DataRow("""{"sha":"../../../evil","siblings":[]}""")]
    [DataRow("""{"sha":null,"siblings":[]}""")]
    [DataRow("""{"sha":"0123456789abcdef0123456789abcdef01234567"}""")]
    [DataRow("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{}]}""")]
    [DataRow("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":7}""")]
    public void Open_AnswerIsNoListing_SaysSo(string text)
    {
        Hub.Fault = (context, _) => WriteAsync(context, text);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.StartsWith(error.Message, "The answer about org/tiny is not that of a model hub: ");
        Assert.IsFalse(Directory.Exists(_fixture.Cache));
    }

    [TestMethod]
    public void Open_EndlessListing_IsStopped()
    {
        Hub.Fault = async (context, _) =>
        {
            var piece = new byte[1 << 20];
            for (var sent = 0; sent < 64 && !context.RequestAborted.IsCancellationRequested; sent++)
            {
                await context.Response.Body.WriteAsync(piece);
            }

            return true;
        };

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, "lists the files of org/tiny in more than 33554432 bytes");
    }

    [TestMethod]
    public void Open_AnswerNamesAnotherCommit_IsRefused()
    {
        var asked = new string('a', 40);
        Hub.Fault = (context, _) => WriteAsync(context, $$"""{"sha":"{{FakeHub.Commit}}","siblings":[]}""");

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open(revision: asked));

        StringAssert.Contains(error.Message, $"it names the commit '{FakeHub.Commit}'");
    }

    [TestMethod]
    [DataRow("\"../../../../evil\"", "1000")]
    [DataRow("\"0-5d8c72a5edda8\"", "1000")]
    [DataRow("", "1000")]
    [DataRow("\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\"", "-1")]
    [DataRow("\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\"", "")]
    public void Open_AnnouncementWithoutHashOrSize_IsRefused(string etag, string size)
    {
        Hub.Fault = (context, _) => context.Request.Method == "HEAD"
            ? AnswerAsync(context, 200, ("X-Linked-ETag", etag), ("X-Linked-Size", size))
            : Task.FromResult(false);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, $"announces config.json of org/tiny with the hash '{etag.Trim('"')}'");
        StringAssert.Contains(error.Message, "cannot be verified");
    }

    [TestMethod]
    public void Open_SettingsOfGigabytes_AreRefusedBeforeTheTransfer()
    {
        Hub.Fault = (context, _) => context.Request.Method == "HEAD"
            ? AnswerAsync(context, 200, ("X-Linked-ETag", $"\"{FakeHub.Sha256Of(Hub.Small["config.json"])}\""), ("X-Linked-Size", "3221225472"))
            : Task.FromResult(false);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _fixture.Open());

        StringAssert.StartsWith(
            error.Message, $"'config.json' of org/tiny at {Hub.Endpoint.Authority} has 3221225472 bytes; a file of this name has at most 33554432.");
        Assert.IsFalse(Hub.Requests.Any(seen => seen.Line.StartsWith("GET", StringComparison.Ordinal) && seen.Line.EndsWith("config.json", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Open_WeakTag_IsRead()
    {
        Hub.Small[HubFixture.Weights] = "weights"u8.ToArray();
        Hub.Fault = (context, _) => context.Request.Method == "HEAD" && context.Request.Path.Value!.EndsWith("vocab.txt", StringComparison.Ordinal)
            ? AnswerAsync(context, 200, ("ETag", $"W/\"{FakeHub.GitHashOf(Hub.Small["vocab.txt"])}\""), ("Content-Length", "12"))
            : Task.FromResult(false);

        _fixture.Open().Dispose();

        CollectionAssert.AreEqual(Hub.Small["vocab.txt"], _fixture.Downloaded("vocab.txt"));
    }

    [TestMethod]
    [DataRow("ftp://127.0.0.1/file", "redirects to ftp://127.0.0.1, which is not followed")]
    [DataRow("", "redirects to nowhere, which is not followed")]
    public void Open_RedirectElsewhere_IsRefused(string location, string message)
    {
        Hub.Fault = (context, _) => AnswerAsync(context, 302, ("Location", location));

        var error = Assert.ThrowsExactly<IOException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, message);
    }

    [TestMethod]
    public void Open_EndlessRedirects_AreRefused()
    {
        Hub.Fault = (context, _) => AnswerAsync(context, 307, ("Location", context.Request.Path.Value!));

        var error = Assert.ThrowsExactly<IOException>(() => _fixture.Open());

        StringAssert.Contains(error.Message, "redirects more than 8 times");
    }

    [TestMethod]
    public void Open_RenamedModel_IsFollowedWithTheToken()
    {
        Hub.Fault = (context, _) =>
        {
            var path = context.Request.Path.Value!;
            return path.Contains("old/name", StringComparison.Ordinal)
                ? AnswerAsync(context, 307, ("Location", path.Replace("old/name", FakeHub.Id, StringComparison.Ordinal)))
                : Task.FromResult(false);
        };

        PretrainedModel.FromHub("old/name", "main", () => _fixture.Settings(token: "hf_token")).Open().Dispose();

        Assert.IsTrue(File.Exists(Path.Combine(_fixture.Cache, "models--old--name", "snapshots", FakeHub.Commit, HubFixture.Weights)));
        Assert.IsTrue(Hub.Requests.Where(seen => !seen.Line.Contains($" {Hub.Storage.Port} ", StringComparison.Ordinal))
            .All(seen => seen.Authorization == "Bearer hf_token"));
    }

    private static Task<bool> AnswerAsync(HttpContext context, int status, params (string Name, string Value)[] headers)
    {
        context.Response.StatusCode = status;
        foreach (var (name, value) in headers.Where(header => header.Value.Length > 0))
        {
            context.Response.Headers[name] = value;
        }

        return Task.FromResult(true);
    }

    private static async Task<bool> WriteAsync(HttpContext context, string text)
    {
        await context.Response.WriteAsync(text);
        return true;
    }
}
