using System.Collections.Concurrent;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Checkpoints.Hub;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

/// <summary>A hub, an empty cache and a clock without pauses for one test.</summary>
internal sealed class HubFixture : IDisposable
{
    /// <summary>Name of the weight file.</summary>
    public const string Weights = "model.safetensors";

    private readonly string _root = Directory.CreateTempSubdirectory("hub").FullName;

    public FakeHub Hub { get; } = new();

    public FakeTime Time { get; } = new();

    /// <summary>Lines that were reported.</summary>
    public ConcurrentQueue<string> Lines { get; } = [];

    public string Cache => Path.Combine(_root, "cache");

    public string Repository => Path.Combine(Cache, "models--org--tiny");

    public string Snapshot => Path.Combine(Repository, "snapshots", FakeHub.Commit);

    public HubSettings Settings(
        Uri? endpoint = null, string? token = null, bool offline = false, bool links = true, TimeProvider? time = null,
        TimeSpan? networkTimeout = null, System.Net.IWebProxy? proxy = null) => new()
        {
            Endpoint = endpoint ?? Hub.Endpoint,
            CacheFolder = Cache,
            TokenFile = Path.Combine(_root, "token"),
            Token = token,
            Offline = offline,
            SymbolicLinks = links,
            Time = time ?? Time,
            Jitter = () => 0.5,
            Proxy = proxy,
            NetworkTimeout = networkTimeout ?? TimeSpan.FromSeconds(20),
        };

    public PretrainedModel Model(HubSettings? settings = null, string revision = "main") =>
        PretrainedModel.FromHub(FakeHub.Id, revision, () => settings ?? Settings());

    public CheckpointFiles Open(HubSettings? settings = null, string revision = "main") => Model(settings, revision).Open(Lines.Enqueue);

    public string BlobOf(byte[] content) => Path.Combine(Repository, "blobs", FakeHub.Sha256Of(content));

    public string PartOf(byte[] content) => BlobOf(content) + ".incomplete";

    /// <summary>Makes what an interrupted download leaves.</summary>
    public void WritePart(byte[] content, ReadOnlySpan<byte> part)
    {
        Directory.CreateDirectory(Path.Combine(Repository, "blobs"));
        File.WriteAllBytes(PartOf(content), part);
    }

    public byte[] Downloaded(string name) => File.ReadAllBytes(Path.Combine(Snapshot, name));

    public void Dispose()
    {
        Hub.Dispose();
        Directory.Delete(_root, recursive: true);
    }
}
