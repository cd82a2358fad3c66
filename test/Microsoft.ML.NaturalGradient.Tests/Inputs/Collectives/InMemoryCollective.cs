using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Tests.Collectives;

/// <summary>Threads in the place of processes: what one does with several processes, without MPI, and in one that can be debugged.</summary>
/// <remarks>Sums are taken in the order of the ranks, so that equal runs give equal bits.</remarks>
internal sealed class InMemoryCollective : ICollective
{
    private readonly InMemoryMeeting _meeting;

    private InMemoryCollective(InMemoryMeeting meeting, int rank) => (_meeting, Rank) = (meeting, rank);

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size => _meeting.Size;

    /// <summary>Runs the same on several threads, which work together, and waits for all of them.</summary>
    /// <param name="size">Number of threads, at least 1.</param>
    /// <param name="body">What each does; an exception in one ends the others with <see cref="OperationCanceledException"/> where they wait.</param>
    /// <exception cref="Exception">The first that a thread ended with.</exception>
    public static void Run(int size, Action<ICollective> body)
    {
        var meeting = new InMemoryMeeting(size);
        var threads = Enumerable.Range(0, size).Select(rank => new Thread(() => RunOne(meeting, rank, body)) { IsBackground = true, Name = $"rank {rank}" }).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        meeting.First?.Throw();
    }

    /// <inheritdoc/>
    public void AllReduce(Span<double> values)
    {
        var all = Exchange(nameof(AllReduce) + " of doubles", MemoryMarshal.AsBytes(values).ToArray(), values.Length);
        values.Clear();
        foreach (var piece in all)
        {
            var own = MemoryMarshal.Cast<byte, double>(piece);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] += own[i];
            }
        }
    }

    /// <inheritdoc/>
    public void AllReduce(Span<float> values)
    {
        var all = Exchange(nameof(AllReduce) + " of floats", MemoryMarshal.AsBytes(values).ToArray(), values.Length);
        values.Clear();
        foreach (var piece in all)
        {
            var own = MemoryMarshal.Cast<byte, float>(piece);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] += own[i];
            }
        }
    }

    /// <inheritdoc/>
    public void AllGather(ReadOnlySpan<byte> own, Span<byte> all, ReadOnlySpan<int> counts)
    {
        Require(counts.Length == Size && own.Length == counts[Rank] && all.Length == Sum(counts), nameof(AllGather));

        var pieces = Exchange(nameof(AllGather), own.ToArray(), string.Join(' ', counts.ToArray()));
        foreach (var piece in pieces)
        {
            piece.CopyTo(all);
            all = all[piece.Length..];
        }
    }

    /// <inheritdoc/>
    public void AllToAll(ReadOnlySpan<byte> sent, ReadOnlySpan<int> sentCounts, Span<byte> received, ReadOnlySpan<int> receivedCounts)
    {
        Require(
            sentCounts.Length == Size && receivedCounts.Length == Size && sent.Length == Sum(sentCounts) && received.Length == Sum(receivedCounts), nameof(AllToAll));

        var pieces = new byte[Size][];
        for (var rank = 0; rank < Size; rank++)
        {
            pieces[rank] = sent[..sentCounts[rank]].ToArray();
            sent = sent[sentCounts[rank]..];
        }

        var all = Exchange(nameof(AllToAll), pieces, "");
        for (var rank = 0; rank < Size; rank++)
        {
            var piece = all[rank][Rank];
            Require(piece.Length == receivedCounts[rank], $"{nameof(AllToAll)}: rank {rank} has {piece.Length} bytes for rank {Rank}, which expects {receivedCounts[rank]}");
            piece.CopyTo(received);
            received = received[piece.Length..];
        }
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> values, int root)
    {
        Require(root >= 0 && root < Size, nameof(Broadcast));

        Exchange(nameof(Broadcast), values.ToArray(), (root, values.Length))[root].CopyTo(values);
    }

    /// <inheritdoc/>
    public void Barrier() => Exchange(nameof(Barrier), 0, "");

    /// <inheritdoc/>
    public void Abort(string reason) => throw new InvalidOperationException($"Process {Rank} of {Size}: {reason}");

    private static void RunOne(InMemoryMeeting meeting, int rank, Action<ICollective> body)
    {
        try
        {
            body(new InMemoryCollective(meeting, rank));
            meeting.Leave(rank, null);
        }
        catch (Exception exception)
        {
            meeting.Leave(rank, ExceptionDispatchInfo.Capture(exception));
        }
    }

    // What every rank gave, once all have called the same operation with what has to be equal.
    private T[] Exchange<T>(string operation, T own, object equal) =>
        [.. _meeting.Exchange(Rank, $"{operation} ({equal})", own!).Cast<T>()];

    private static int Sum(ReadOnlySpan<int> counts)
    {
        var sum = 0;
        foreach (var count in counts)
        {
            Require(count >= 0, "a count below zero");
            sum += count;
        }

        return sum;
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException($"Lengths, counts or the root do not fit: {message}.");
        }
    }
}
