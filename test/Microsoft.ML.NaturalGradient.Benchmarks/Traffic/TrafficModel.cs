using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Traffic;

/// <summary>What a training step sends, reckoned from shapes.</summary>
/// <remarks>
/// All methods gather the logits, N·C numbers, get the N losses and their mean from the first process, and add up one gradient, P numbers. Methods on per-sample gradients form a Gram matrix before, N² numbers of 64 bits that are added up. For it
/// the per-sample gradients of each parameter go as columns, N·P numbers of which each process gets a K-th, or as what its layer read and the errors, whichever is less; as whole rows where
/// that and no sum is less than both. Then the N weights of the rows are sent to all.
/// </remarks>
/// <param name="Layers">The trained parameters.</param>
/// <param name="Rows">Rows N of a batch.</param>
/// <param name="Classes">Classes C.</param>
/// <param name="Size">Processes K.</param>
internal sealed record TrafficModel(IReadOnlyList<LayerShape> Layers, int Rows, int Classes, int Size)
{
    private const double ReducedAtOnce = 64 << 20; // as ProcessGroup cuts sums
    private const double ExchangedAtOnce = 32 << 20; // as GramExchange cuts columns

    /// <summary>Entries P of all trained parameters.</summary>
    public long Numbers => Layers.Sum(layer => layer.Numbers);

    private TrafficCount Forward => new(
        TrafficCount.OfAllGather((double)Rows * Classes * LayerShape.NumberBytes, Size) + TrafficCount.OfBroadcast((Rows + 1) * sizeof(double), Size), 3);

    private TrafficCount Gradient => Cut(TrafficCount.OfAllReduce((double)Numbers * LayerShape.NumberBytes, Size), Numbers * LayerShape.NumberBytes / ReducedAtOnce);

    /// <summary>A step on the mean gradient, such as AdamW's.</summary>
    public TrafficCount MeanStep() => Sum(Forward, Gradient);

    /// <summary>A step on per-sample gradients, such as iEF's.</summary>
    public TrafficCount PerSampleStep() => Sum(Forward, Gram(), new(TrafficCount.OfBroadcast(Rows * sizeof(double), Size), 1), Gradient);

    /// <summary>A step of SF, which needs the gradient of the loss beside that of the drawn labels.</summary>
    public TrafficCount DrawnStep() => Sum(PerSampleStep(), Gradient);

    /// <summary>How the per-sample gradients are exchanged, in a word.</summary>
    public string Exchange()
    {
        var columns = Layers.Where(layer => !SendsSources(layer)).Sum(Formed);
        return SendsRows() ? "rows" : columns == 0 ? "sources" : columns == Layers.Sum(Formed) ? "columns" : "columns, sources";
    }

    private TrafficCount Gram()
    {
        var formed = Layers.Where(layer => !SendsSources(layer)).Sum(Formed);
        var pieces = (double)((Rows + Size - 1) / Size) / Rows * formed / ExchangedAtOnce;
        if (SendsRows())
        {
            return Cut(TrafficCount.OfAllGather(formed, Size), pieces);
        }

        var sources = Layers.Where(SendsSources).ToArray();
        return Sum(
            formed > 0 ? Cut(TrafficCount.OfAllToAll(formed, Size), pieces) : default,
            new(TrafficCount.OfAllGather(sources.Sum(layer => layer.SourceBytes!.Value * Rows), Size), 2 * sources.Length),
            Cut(Reduced, (double)Rows * Rows * sizeof(double) / ReducedAtOnce));
    }

    private double Reduced => TrafficCount.OfAllReduce((double)Rows * Rows * sizeof(double), Size);

    private bool SendsRows()
    {
        var formed = Layers.Sum(Formed);
        return !Layers.Any(SendsSources) && TrafficCount.OfAllGather(formed, Size) <= TrafficCount.OfAllToAll(formed, Size) + Reduced;
    }

    private bool SendsSources(LayerShape layer) => layer.SourceBytes is { } bytes && TrafficCount.OfAllGather(bytes * Rows, Size) < TrafficCount.OfAllToAll(Formed(layer), Size);

    private double Formed(LayerShape layer) => (double)layer.Numbers * Rows * LayerShape.NumberBytes;

    private static TrafficCount Cut(double bytes, double pieces) => new(bytes, (long)Math.Ceiling(pieces));

    private static TrafficCount Sum(params ReadOnlySpan<TrafficCount> counts)
    {
        var sum = default(TrafficCount);
        foreach (var count in counts)
        {
            sum = new(sum.Bytes + count.Bytes, sum.Messages + count.Messages);
        }

        return sum;
    }
}
