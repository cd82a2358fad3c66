namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>Checks before native code is called, which would read and write outside the pieces or end the process.</summary>
internal static class CollectiveArguments
{
    /// <summary>Checks the arguments of <see cref="ICollective.AllGather"/>.</summary>
    public static void CheckGather(ICollective collective, ReadOnlySpan<byte> own, ReadOnlySpan<byte> all, ReadOnlySpan<int> counts)
    {
        CheckCounts(collective, counts, all.Length, nameof(all), nameof(counts));
        if (own.Length != counts[collective.Rank])
        {
            throw new ArgumentException($"The own piece has {own.Length} bytes, and counts says {counts[collective.Rank]} for process {collective.Rank}. Pass a piece of that size.", nameof(own));
        }

        CheckApart(own, all, nameof(all));
    }

    /// <summary>Checks the arguments of <see cref="ICollective.AllToAll"/>.</summary>
    public static void CheckExchange(
        ICollective collective, ReadOnlySpan<byte> sent, ReadOnlySpan<int> sentCounts, ReadOnlySpan<byte> received, ReadOnlySpan<int> receivedCounts)
    {
        CheckCounts(collective, sentCounts, sent.Length, nameof(sent), nameof(sentCounts));
        CheckCounts(collective, receivedCounts, received.Length, nameof(received), nameof(receivedCounts));
        if (sentCounts[collective.Rank] != receivedCounts[collective.Rank])
        {
            throw new ArgumentException(
                $"Process {collective.Rank} sends itself {sentCounts[collective.Rank]} bytes and expects {receivedCounts[collective.Rank]}. Pass equal counts.", nameof(receivedCounts));
        }

        CheckApart(sent, received, nameof(received));
    }

    /// <summary>Checks the arguments of <see cref="ICollective.Broadcast"/>.</summary>
    public static void CheckRoot(ICollective collective, int root)
    {
        if (root < 0 || root >= collective.Size)
        {
            throw new ArgumentOutOfRangeException(nameof(root), root, $"There are {collective.Size} processes. Pass a rank from 0 to {collective.Size - 1}.");
        }
    }

    private static void CheckCounts(ICollective collective, ReadOnlySpan<int> counts, int length, string what, string name)
    {
        if (counts.Length != collective.Size)
        {
            throw new ArgumentException($"{name} has {counts.Length} entries for {collective.Size} processes. Pass one for each.", name);
        }

        var sum = 0L;
        for (var rank = 0; rank < counts.Length; rank++)
        {
            if (counts[rank] < 0)
            {
                throw new ArgumentException($"{name}[{rank}] is {counts[rank]}. Pass zero or more bytes.", name);
            }

            sum += counts[rank];
        }

        if (sum != length)
        {
            throw new ArgumentException($"{what} has {length} bytes, and {name} add up to {sum}. Pass pieces of the sizes that the counts say.", what);
        }
    }

    private static void CheckApart(ReadOnlySpan<byte> read, ReadOnlySpan<byte> written, string name)
    {
        if (read.Overlaps(written))
        {
            throw new ArgumentException("What is sent and what is received lie in the same memory. Pass memory of its own for each.", name);
        }
    }
}
