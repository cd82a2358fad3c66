namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>One process of one, which no launcher started: nothing is exchanged, and no MPI is needed.</summary>
internal sealed class SingleWorld : ICollective
{
    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void AllReduce(Span<double> values)
    {
    }

    /// <inheritdoc/>
    public void AllReduce(Span<float> values)
    {
    }

    /// <inheritdoc/>
    public void AllGather(ReadOnlySpan<byte> own, Span<byte> all, ReadOnlySpan<int> counts)
    {
        CollectiveArguments.CheckGather(this, own, all, counts);
        own.CopyTo(all);
    }

    /// <inheritdoc/>
    public void AllToAll(ReadOnlySpan<byte> sent, ReadOnlySpan<int> sentCounts, Span<byte> received, ReadOnlySpan<int> receivedCounts)
    {
        CollectiveArguments.CheckExchange(this, sent, sentCounts, received, receivedCounts);
        sent.CopyTo(received);
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> values, int root) => CollectiveArguments.CheckRoot(this, root);

    /// <inheritdoc/>
    public void Barrier()
    {
    }

    /// <summary>Throws: no other process waits for this one.</summary>
    /// <param name="reason">What went wrong, as a sentence.</param>
    /// <exception cref="InvalidOperationException">Always, with the reason.</exception>
    public void Abort(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        throw new InvalidOperationException(reason);
    }
}
