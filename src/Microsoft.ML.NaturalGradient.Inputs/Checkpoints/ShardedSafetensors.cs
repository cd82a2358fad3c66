namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Several safetensors files that an index binds together, read as one.</summary>
/// <remarks>A tensor that a file holds beyond what the index lists is read too, as Python does.</remarks>
internal sealed class ShardedSafetensors : ISafetensors
{
    private readonly List<SafetensorsFile> _shards = [];
    private readonly Dictionary<string, SafetensorsFile> _shardOf = new(StringComparer.Ordinal);

    private ShardedSafetensors(CheckpointFiles files)
    {
        var index = files.ReadIndex();
        Description = $"'{SafetensorsIndex.FileName}' of {files.Description}";
        try
        {
            foreach (var name in index.Files)
            {
                Add(files, name);
            }
            Check(index);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => _shardOf.Keys;

    /// <summary>Opens all files that a checkpoint's index names.</summary>
    /// <param name="files">The checkpoint; owned by the caller.</param>
    /// <returns>The opened files; the caller disposes them before the checkpoint.</returns>
    /// <exception cref="InvalidDataException">The index or a file is damaged, or they contradict each other.</exception>
    /// <exception cref="FileNotFoundException">The index or a file that it names is missing.</exception>
    public static ShardedSafetensors Open(CheckpointFiles files) => new(files);

    /// <inheritdoc/>
    public bool Contains(string name) => _shardOf.ContainsKey(name);

    /// <inheritdoc/>
    public string FileOf(string name) => Find(name).Description;

    /// <inheritdoc/>
    public SafetensorsTensor Describe(string name) => Find(name).Describe(name);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> BytesOf(string name, long first, int count) => Find(name).BytesOf(name, first, count);

    /// <inheritdoc/>
    public void Dispose() => _shards.ForEach(shard => shard.Dispose());

    private void Add(CheckpointFiles files, string name)
    {
        if (!files.Exists(name))
        {
            throw new FileNotFoundException(
                $"There is no '{name}' in {files.Description}, but {SafetensorsIndex.FileName} names it. Download all files of the model "
                + "into one folder.", name);
        }
        var shard = files.OpenSafetensors(name);
        _shards.Add(shard);
        foreach (var tensor in shard.Names)
        {
            if (!_shardOf.TryAdd(tensor, shard))
            {
                throw Contradiction($"tensor '{tensor}' is in two files, {_shardOf[tensor].Description} and {shard.Description}");
            }
        }
    }

    private void Check(SafetensorsIndex index)
    {
        var shards = index.Files.Zip(_shards).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
        foreach (var (tensor, file) in index.FileOf)
        {
            if (!shards[file].Contains(tensor))
            {
                throw Contradiction($"tensor '{tensor}' is listed as part of {shards[file].Description}, which does not have it");
            }
        }
    }

    private SafetensorsFile Find(string name) => _shardOf.TryGetValue(name, out var shard)
        ? shard
        : throw new InvalidDataException($"{Description} has no tensor '{name}'.");

    private InvalidDataException Contradiction(string what) => new(
        $"{Description} and its files do not belong together: {what}. Download or export the model again.");
}
