using System.Reflection;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A checkpoint embedded in an assembly as resources named <c>model/&lt;file&gt;</c>; weights are read in place.</summary>
/// <param name="assembly">The assembly.</param>
internal sealed class ResourceCheckpointFiles(Assembly assembly) : CheckpointFiles
{
    private const string Folder = "model/";

    /// <inheritdoc/>
    public override string Description => $"the assembly {assembly.GetName().Name}";

    /// <inheritdoc/>
    public override bool Exists(string name) => assembly.GetManifestResourceInfo(Folder + name) is not null;

    /// <inheritdoc/>
    protected override Stream OpenFile(string name) =>
        assembly.GetManifestResourceStream(Folder + name) ?? throw NotFound(name);

    /// <inheritdoc/>
    public override SafetensorsFile OpenSafetensors(string name) => SafetensorsFile.FromStream(Open(name), Describe(name));

    /// <inheritdoc/>
    public override void Dispose()
    {
        // The assembly stays loaded.
    }
}
