namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>By what Python finds a base model.</summary>
/// <param name="Name">Folder, or name in a hub.</param>
/// <param name="Revision">Branch, tag or commit in the hub; null for its main branch, and for folders.</param>
/// <param name="Layers">Number of its first layers that are the base; null for all.</param>
internal sealed record BaseLocation(string Name, string? Revision = null, int? Layers = null)
{
    /// <summary>Whether it means the same on another machine.</summary>
    public bool IsPortable => !Path.IsPathRooted(Name);
}
