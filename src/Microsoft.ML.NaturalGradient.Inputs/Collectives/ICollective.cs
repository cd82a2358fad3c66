namespace Microsoft.ML.NaturalGradient;

/// <summary>Several processes that work on one run together, and what they exchange.</summary>
/// <remarks>
/// Each operation is one that all processes call in the same order, with pieces of the sizes that it asks for; it returns when this process has what it is to get.
/// One thread at a time calls it. Terms are those of the MPI standard, version 4.0, chapter 6. The package NaturalGradient.MLNet.Mpi has the implementation for MPI.
/// </remarks>
public interface ICollective
{
    /// <summary>Number of this process, from 0.</summary>
    int Rank { get; }

    /// <summary>Number of processes, at least 1.</summary>
    int Size { get; }

    /// <summary>Adds up the numbers of all processes, place by place.</summary>
    /// <param name="values">The numbers of this process, as many in every process; afterwards their sums, the same bits in every process.</param>
    void AllReduce(Span<double> values);

    /// <inheritdoc cref="AllReduce(Span{double})"/>
    void AllReduce(Span<float> values);

    /// <summary>Gives every process the pieces of all.</summary>
    /// <param name="own">The piece of this process.</param>
    /// <param name="all">Takes the pieces, one after the other in the order of <see cref="Rank"/>.</param>
    /// <param name="counts">Bytes of each process's piece, zero or more, by rank; the same in every process.</param>
    void AllGather(ReadOnlySpan<byte> own, Span<byte> all, ReadOnlySpan<int> counts);

    /// <summary>Gives every process a piece of every other's.</summary>
    /// <param name="sent">What this process has for each, one after the other in the order of <see cref="Rank"/>.</param>
    /// <param name="sentCounts">Bytes for each process, zero or more, by rank.</param>
    /// <param name="received">Takes what each process has for this one, one after the other in the order of <see cref="Rank"/>.</param>
    /// <param name="receivedCounts">Bytes from each process, by rank.</param>
    void AllToAll(ReadOnlySpan<byte> sent, ReadOnlySpan<int> sentCounts, Span<byte> received, ReadOnlySpan<int> receivedCounts);

    /// <summary>Gives every process what one of them has.</summary>
    /// <param name="values">Bytes; read in the process <paramref name="root"/>, written in the others.</param>
    /// <param name="root">Rank of the process that has them.</param>
    void Broadcast(Span<byte> values, int root);

    /// <summary>Waits until all processes have come here.</summary>
    void Barrier();

    /// <summary>Ends all processes, because this one cannot go on and the others would wait for it forever.</summary>
    /// <param name="reason">What went wrong, as a sentence; said on the standard error stream together with the number of this process.</param>
    void Abort(string reason);
}
