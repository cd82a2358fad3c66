namespace ReplicationSample;

/// <summary>A method at one damping, as tables and pictures show it.</summary>
/// <param name="Name">What it is called there.</param>
/// <param name="Method">The method.</param>
/// <param name="Damping">Its damping; null where it has none.</param>
internal sealed record QualityColumn(string Name, string Method, double? Damping)
{
    /// <summary>All that were measured; the names of those that share a method tell the damping.</summary>
    public static IReadOnlyList<QualityColumn> Of(IReadOnlyList<FinishedCell> cells)
    {
        var measured = cells.SelectMany(cell => cell.Epochs).SelectMany(epoch => epoch.Directions).Select(direction => (direction.Method, direction.Damping)).Distinct().ToArray();
        return
        [
            .. measured.Select(one => new QualityColumn(
                measured.Count(other => other.Method == one.Method) == 1 ? one.Method : FormattableString.Invariant($"{one.Method}, damping {one.Damping:G2}"), one.Method, one.Damping)),
        ];
    }

    /// <summary>γ ÷ γ of SGD after an epoch, mean over the runs; not a number where it was not measured.</summary>
    public double MeanRatio(IReadOnlyList<FinishedCell> cells, int epoch)
    {
        var ratios = cells.SelectMany(cell => cell.Epochs).Where(one => one.Epoch == epoch).SelectMany(one => one.Directions)
            .Where(direction => direction.Method == Method && direction.Damping == Damping).Select(direction => direction.RatioToSgd).ToArray();
        return ratios.Length == 0 ? double.NaN : ratios.Average();
    }
}
