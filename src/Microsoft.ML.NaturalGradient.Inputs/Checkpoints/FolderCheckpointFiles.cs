namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A checkpoint in a folder, as a hub or <c>save_pretrained</c> lays it out.</summary>
/// <param name="folder">Path of the folder; looked at only when a file is asked for.</param>
internal sealed class FolderCheckpointFiles(string folder) : CheckpointFiles
{
    private readonly HashSet<string> _checked = []; // weights are opened several times

    /// <inheritdoc/>
    public override string Description => $"the folder '{folder}'";

    /// <inheritdoc/>
    public override bool Exists(string name) => RegularFile.Exists(Path.Combine(folder, name));

    /// <inheritdoc/>
    protected override Stream OpenFile(string name) => RegularFile.OpenRead(PathOf(name));

    /// <inheritdoc/>
    public override SafetensorsFile OpenSafetensors(string name) => SafetensorsFile.Open(PathOf(name));

    /// <inheritdoc/>
    public override void Dispose()
    {
        // Nothing is held open.
    }

    private string PathOf(string name)
    {
        var path = Exists(name) ? Path.Combine(folder, name) : throw NotFound(name);
        if (!_checked.Contains(name))
        {
            WeightsChecksum.Check(path);
            _checked.Add(name);
        }

        return path;
    }
}
