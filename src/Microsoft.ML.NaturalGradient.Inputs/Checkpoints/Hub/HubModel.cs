using Polly;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>A model of a hub: its folder in the cache, filled by downloading what is not there yet.</summary>
/// <remarks>
/// What is cached is used without asking the hub: training goes on without network, and a branch that moves does not change results
/// from one run, or one fold of a cross-validation, to the next. The hub is asked if nothing is cached for the revision, or not enough.
/// </remarks>
/// <param name="name">Which model.</param>
/// <param name="settings">Which hub and which cache.</param>
/// <param name="report">Takes lines about the progress.</param>
internal sealed class HubModel(HubName name, HubSettings settings, Action<string> report)
{
    private readonly HubCache _cache = new(settings, name);

    /// <summary>Finds or downloads the files; returns when they are there.</summary>
    /// <returns>Path of the folder with the files.</returns>
    /// <exception cref="IOException">The hub, the model or the revision is not there, or the disk cannot be written.</exception>
    /// <exception cref="InvalidDataException">The hub's answers or files are not what they should be.</exception>
    /// <exception cref="InvalidOperationException">The hub does not give access, or a setting is wrong.</exception>
    /// <exception cref="NotSupportedException">The model has no weights but pickles.</exception>
    public string Fetch(CancellationToken cancellation) =>
        // On a thread of the pool, so that no synchronization context of the caller waits for itself.
        Task.Run(() => FetchAsync(cancellation), cancellation).GetAwaiter().GetResult();

    private async Task<string> FetchAsync(CancellationToken cancellation)
    {
        var cached = _cache.FindCommit();
        if (cached is not null && HubFiles.IsComplete(FilesOf(cached)))
        {
            return _cache.SnapshotOf(cached);
        }
        var usable = cached is not null && HubFiles.IsUsable(FilesOf(cached));
        if (settings.Offline)
        {
            return usable ? _cache.SnapshotOf(cached!) : throw NotCached();
        }
        try
        {
            return await DownloadAsync(cancellation);
        }
        catch (HubUnreachableException e) when (usable)
        {
            report($"{e.Message} Going on with the files of {name} that are in the cache.");
            return _cache.SnapshotOf(cached!);
        }
        catch (UnauthorizedAccessException e)
        {
            throw NotWritable(e);
        }
    }

    private async Task<string> DownloadAsync(CancellationToken cancellation)
    {
        using var client = new HubClient(settings, name);
        var retry = HubRetry.Create(settings, report);
        var listing = await retry.ExecuteAsync(async token => await client.ListAsync(token), cancellation);
        var commit = listing.Commit;
        var files = HubFiles.Choose(listing, name);
        Prepare(commit);
        report($"Downloading {name} (commit {commit}) from {settings.Endpoint.Authority} to '{_cache.SnapshotOf(commit)}'.");
        foreach (var file in files)
        {
            await GetAsync(client, retry, commit, file, cancellation);
        }
        if (FilesOf(commit).IsSharded)
        {
            foreach (var shard in FilesOf(commit).ReadIndex().Files)
            {
                await GetAsync(client, retry, commit, listing.Files.Contains(shard) ? shard : throw HubFiles.Missing(shard, name), cancellation);
            }
        }
        _cache.WriteRef(commit);
        return _cache.SnapshotOf(commit);
    }

    private async Task GetAsync(HubClient client, ResiliencePipeline retry, string commit, string fileName, CancellationToken cancellation)
    {
        if (_cache.Has(commit, fileName))
        {
            return;
        }
        var file = await retry.ExecuteAsync(async token => await client.AskAsync(commit, fileName, token), cancellation);
        CheckpointFiles.CheckLength(fileName, file.Size, $"'{fileName}' of {name} at {settings.Endpoint.Authority}");
        var blob = _cache.BlobOf(file.Hash);
        using (await HubLock.AcquireAsync(_cache.LockOf(file.Hash), blob + HubDownload.PartSuffix, fileName, settings, report, cancellation))
        {
            if (!(new FileInfo(blob) is { Exists: true } content && content.Length == file.Size))
            {
                await new HubDownload(client, retry, file, blob, new HubProgress(file, settings.Time, report)).RunAsync(cancellation);
            }
            if (!_cache.Has(commit, fileName))
            {
                _cache.Link(file);
            }
        }
    }

    private void Prepare(string commit)
    {
        try
        {
            _cache.Prepare(commit);
        }
        catch (IOException e)
        {
            throw NotWritable(e);
        }
    }

    private FolderCheckpointFiles FilesOf(string commit) => new(_cache.SnapshotOf(commit));

    private IOException NotWritable(Exception cause) => new(
        $"The folder '{settings.CacheFolder}' for downloaded models cannot be written: {cause.Message.TrimEnd('.')}. Set the environment variable "
        + "HF_HUB_CACHE to another folder.", cause);

    private FileNotFoundException NotCached() => new(
        $"The network must not be used (HF_HUB_OFFLINE is set), and the model {name} is not, or not completely, in the cache "
        + $"'{settings.CacheFolder}'. Unset HF_HUB_OFFLINE once, or bring the cache from another machine ('hf download {name.Id} --revision "
        + $"{name.Revision}' fills one).");
}
