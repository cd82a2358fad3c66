namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>The layers of a NAS-BERT network in blocks of one width each; between blocks of different widths there is a linear map.</summary>
internal sealed class NasBertPlan
{
    private NasBertPlan(IReadOnlyList<NasBertOperation> operations, int blockSize, IReadOnlyList<int> blockWidths)
    {
        Operations = operations;
        BlockSize = blockSize;
        BlockWidths = blockWidths;
    }

    /// <summary>What each layer does.</summary>
    public IReadOnlyList<NasBertOperation> Operations { get; }

    /// <summary>Layers of a block.</summary>
    public int BlockSize { get; }

    /// <summary>Width of each block.</summary>
    public IReadOnlyList<int> BlockWidths { get; }

    /// <summary>Divides layers into blocks.</summary>
    /// <remarks>
    /// A block whose layers all do nothing has the width of the block before it; if it is the first, the widest of the search space.
    /// </remarks>
    /// <param name="operations">What each layer does; at least one.</param>
    /// <param name="blockSize">Layers of a block, at least one; the last block may have fewer.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="InvalidDataException">A block has layers of different widths; the message says which.</exception>
    public static NasBertPlan Of(IReadOnlyList<NasBertOperation> operations, int blockSize)
    {
        var widths = new List<int>();
        foreach (var block in operations.Chunk(blockSize))
        {
            int[] different = [.. block.Select(operation => operation.Width).Where(width => width > 0).Distinct()];
            widths.Add(different switch
            {
                [] => widths.Count == 0 ? NasBertOperation.WidestWidth : widths[^1],
                [var width] => width,
                _ => throw new InvalidDataException(FormattableString.Invariant(
                    $"Layers of the widths {string.Join(", ", different)} are in block {widths.Count} of the NAS-BERT network, whose layers must all be of one. Get the file again.")),
            });
        }

        return new NasBertPlan(operations, blockSize, widths);
    }

    /// <summary>Whether there is a linear map after a block.</summary>
    /// <param name="block">Place of the block.</param>
    public bool HasMapAfter(int block) => block + 1 < BlockWidths.Count && BlockWidths[block] != BlockWidths[block + 1];
}
