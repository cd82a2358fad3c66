namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A checkpoint in which one file has other content.</summary>
/// <param name="files">The checkpoint; owned by this object.</param>
/// <param name="replaced">Name of the file.</param>
/// <param name="content">Its content; used in place, so it must not change.</param>
internal sealed class ReplacedCheckpointFiles(CheckpointFiles files, string replaced, byte[] content) : CheckpointFiles
{
    /// <inheritdoc/>
    public override string Description => files.Description;

    /// <inheritdoc/>
    public override string WeightsFile => files.WeightsFile;

    /// <inheritdoc/>
    public override int? KeptLayers => files.KeptLayers;

    /// <inheritdoc/>
    public override bool Exists(string name) => name == replaced || files.Exists(name);

    /// <inheritdoc/>
    protected override Stream OpenFile(string name) => name == replaced ? new MemoryStream(content, writable: false) : files.Open(name);

    /// <inheritdoc/>
    public override SafetensorsFile OpenSafetensors(string name) => files.OpenSafetensors(name);

    /// <inheritdoc/>
    public override ISafetensors OpenWeights() => files.OpenWeights();

    /// <inheritdoc/>
    public override void Dispose() => files.Dispose();
}
