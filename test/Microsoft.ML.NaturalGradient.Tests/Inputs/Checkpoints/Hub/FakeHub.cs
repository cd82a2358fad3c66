using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>
/// A hub with one model on this machine: one port for the hub, which serves small files itself, and another for the storage server,
/// to which it redirects for large ones. Ranges are served by ASP.NET.
/// </summary>
internal sealed class FakeHub : IDisposable
{
    public const string Id = "org/tiny";
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly WebApplication _application;

    public FakeHub()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Listen(IPAddress.Loopback, 0);
            options.Listen(IPAddress.Loopback, 0);
        });
        _application = builder.Build();
        _application.Run(ServeAsync);
        _application.StartAsync().GetAwaiter().GetResult();
        var addresses = _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToArray();
        Endpoint = new Uri(addresses[0]);
        Storage = new Uri(addresses[1]);
    }

    public Uri Endpoint { get; }

    public Uri Storage { get; }

    /// <summary>Small files of the model; name → content.</summary>
    public Dictionary<string, byte[]> Small { get; } = new()
    {
        ["config.json"] = """{ "model_type": "bert" }"""u8.ToArray(),
        ["vocab.txt"] = "[PAD]\n[UNK]\n"u8.ToArray(),
        ["README.md"] = "read me"u8.ToArray(),
    };

    /// <summary>Large files of the model; name → content.</summary>
    public Dictionary<string, byte[]> Large { get; } = [];

    /// <summary>Names that are listed though they are not there.</summary>
    public List<string> AlsoListed { get; } = [];

    /// <summary>Commits by branch or tag.</summary>
    public Dictionary<string, string> Revisions { get; } = new() { ["main"] = Commit };

    /// <summary>What comes before the ordinary answer; returns whether it has answered. Gets the request and how often its line has come.</summary>
    public Func<HttpContext, int, Task<bool>>? Fault { get; set; }

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<Seen> Requests { get; } = [];

    public static string Sha256Of(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    [SuppressMessage("Security", "CA5350", Justification = "Git's format.")]
    public static string GitHashOf(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));

    /// <summary>Adds weights of random bytes.</summary>
    public byte[] AddLarge(string name, int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        return Large[name] = content;
    }

    /// <summary>Requests for a file's content at the storage server.</summary>
    public Seen[] Downloads(string name) => [.. Requests.Where(seen => seen.Line == $"GET {Storage.Port} /{name}")];

    /// <summary>Whether a request is one for a large file's content.</summary>
    public bool IsStorage(HttpContext context) => context.Connection.LocalPort == Storage.Port;

    public void Dispose() => _application.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static Task ServeContentAsync(HttpContext context, byte[] content, string hash) => Results
        .Bytes(content, "application/octet-stream", enableRangeProcessing: true, entityTag: new EntityTagHeaderValue($"\"{hash}\""))
        .ExecuteAsync(context);

    private async Task ServeAsync(HttpContext context)
    {
        var request = context.Request;
        var line = $"{request.Method} {context.Connection.LocalPort} {request.Path}";
        Requests.Enqueue(new Seen(line, request.Headers.Authorization.ToString(), request.Headers.Range.ToString(), request.Host.Value!));
        if (Fault is { } fault && await fault(context, Requests.Count(seen => seen.Line == line)))
        {
            return;
        }

        var path = request.Path.Value!;
        if (IsStorage(context))
        {
            // Storage servers have tags of their own.
            await ServeContentAsync(context, Large[path[1..]], "storage");
        }
        else if (path == $"/api/models/{Id}")
        {
            await context.Response.WriteAsJsonAsync(new { id = Id });
        }
        else if (path.StartsWith($"/api/models/{Id}/revision/", StringComparison.Ordinal))
        {
            await ServeListingAsync(context, path[$"/api/models/{Id}/revision/".Length..].Replace("%2F", "/", StringComparison.Ordinal));
        }
        else if (path.StartsWith($"/{Id}/resolve/", StringComparison.Ordinal))
        {
            await ServeFileAsync(context, string.Join('/', path.Split('/').Skip(5))); // after owner, model, resolve and commit
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    }

    private Task ServeListingAsync(HttpContext context, string revision)
    {
        if (!Revisions.TryGetValue(revision, out var commit) && !Revisions.ContainsValue(commit = revision))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        var siblings = Small.Keys.Concat(Large.Keys).Concat(AlsoListed).Select(name => new { rfilename = name });
        return context.Response.WriteAsJsonAsync(new { sha = commit, siblings });
    }

    private Task ServeFileAsync(HttpContext context, string name)
    {
        if (Small.TryGetValue(name, out var small))
        {
            return ServeContentAsync(context, small, GitHashOf(small));
        }

        if (!Large.TryGetValue(name, out var large))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        context.Response.Headers["X-Linked-ETag"] = $"\"{Sha256Of(large)}\"";
        context.Response.Headers["X-Linked-Size"] = $"{large.Length}";
        context.Response.Redirect($"{Storage}{name}?signature=secret");
        return Task.CompletedTask;
    }

    /// <summary>A request: method, port and path; who asked; from which byte on; the host that was asked for.</summary>
    internal sealed record Seen(string Line, string Authorization, string Range, string Host);
}
