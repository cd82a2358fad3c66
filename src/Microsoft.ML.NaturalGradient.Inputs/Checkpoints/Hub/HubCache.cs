using System.Text;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>The cached files of one model, in the layout that Python's huggingface_hub reads and writes.</summary>
/// <remarks>
/// <c>models--organisation--model/</c> has <c>blobs/HASH</c> with the contents, <c>snapshots/COMMIT/FILE</c> with links to them, and
/// <c>refs/REVISION</c> with the commit that a branch or tag had; locks are in <c>.locks/models--organisation--model/</c>.
/// Layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
/// </remarks>
internal sealed class HubCache
{
    private readonly HubSettings _settings;
    private readonly HubName _name;
    private readonly string _folder;
    private readonly string _locks;

    /// <summary>Names the places; touches nothing.</summary>
    public HubCache(HubSettings settings, HubName name)
    {
        _settings = settings;
        _name = name;
        var repository = "models--" + name.Id.Replace("/", "--", StringComparison.Ordinal);
        _folder = Path.Combine(settings.CacheFolder, repository);
        _locks = Path.Combine(settings.CacheFolder, ".locks", repository);
    }

    private string RefPath => Path.Combine([_folder, "refs", .. _name.Revision.Split('/')]);

    /// <summary>Folder of a commit's files.</summary>
    public string SnapshotOf(string commit) => Path.Combine(_folder, "snapshots", commit);

    /// <summary>Path of a content.</summary>
    public string BlobOf(string hash) => Path.Combine(_folder, "blobs", hash);

    /// <summary>Path of the lock under which a content is downloaded.</summary>
    public string LockOf(string hash) => Path.Combine(_locks, hash + ".lock");

    /// <summary>Whether a commit's file is there.</summary>
    public bool Has(string commit, string file) => RegularFile.Exists(Path.Combine(SnapshotOf(commit), file));

    /// <summary>The commit that the revision is known to be; null if it is not known.</summary>
    public string? FindCommit()
    {
        if (_name.IsCommit)
        {
            return _name.Revision;
        }
        var commit = File.Exists(RefPath) ? File.ReadAllText(RefPath).Trim() : "";
        return HubName.IsCommitHash(commit) ? commit : null;
    }

    /// <summary>Makes the folders.</summary>
    public void Prepare(string commit)
    {
        Directory.CreateDirectory(SnapshotOf(commit));
        Directory.CreateDirectory(Path.Combine(_folder, "blobs"));
        Directory.CreateDirectory(_locks);
    }

    /// <summary>Remembers which commit the revision is.</summary>
    public void WriteRef(string commit)
    {
        if (!_name.IsCommit)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(RefPath)!);
            AtomicFile.Write(RefPath, stream => stream.Write(Encoding.ASCII.GetBytes(commit)));
        }
    }

    /// <summary>Makes a content visible as a file of a commit. The content's lock is held.</summary>
    public void Link(HubRemoteFile file)
    {
        var path = Path.Combine(SnapshotOf(file.Commit), file.Name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var depth = 2 + file.Name.Count(letter => letter == '/');
        if (!TryLink(path, Path.Combine([.. Enumerable.Repeat("..", depth), "blobs", file.Hash])))
        {
            using var blob = File.OpenRead(BlobOf(file.Hash));
            AtomicFile.Write(path, blob.CopyTo);
        }
    }

    private bool TryLink(string path, string target)
    {
        try
        {
            if (!_settings.SymbolicLinks)
            {
                return false;
            }

            var temporary = $"{path}.{Guid.NewGuid():N}";
            File.CreateSymbolicLink(temporary, target);
            File.Move(temporary, path, overwrite: true);
            return true;
        }
        // Windows without developer mode, or a file system without links.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
