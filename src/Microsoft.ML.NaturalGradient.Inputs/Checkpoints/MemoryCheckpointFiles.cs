namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A checkpoint in memory, for example out of a saved model.</summary>
/// <param name="files">Content by file name; used in place, so it must not change.</param>
/// <param name="description">Where the files come from, in words for error messages.</param>
internal sealed class MemoryCheckpointFiles(IReadOnlyDictionary<string, byte[]> files, string description) : CheckpointFiles
{
    /// <inheritdoc/>
    public override string Description => description;

    /// <inheritdoc/>
    public override bool Exists(string name) => files.ContainsKey(name);

    /// <inheritdoc/>
    protected override Stream OpenFile(string name) => new MemoryStream(ContentOf(name), writable: false);

    /// <inheritdoc/>
    public override SafetensorsFile OpenSafetensors(string name) =>
        SafetensorsFile.FromMemory(ContentOf(name), Describe(name));

    /// <inheritdoc/>
    public override void Dispose()
    {
        // The arrays are the caller's.
    }

    private byte[] ContentOf(string name) => files.TryGetValue(name, out var content) ? content : throw NotFound(name);
}
