namespace ReplicationSample;

/// <summary>A picture.</summary>
internal interface IChart
{
    /// <summary>Writes the picture as PNG and as SVG.</summary>
    /// <param name="path">Path without an ending.</param>
    /// <returns>Both files.</returns>
    IReadOnlyList<string> Save(string path);
}
