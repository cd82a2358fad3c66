namespace ReplicationSample;

/// <summary>A line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Its points.</param>
/// <param name="HasMarkers">Whether the points are marked.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points, bool HasMarkers = true);
