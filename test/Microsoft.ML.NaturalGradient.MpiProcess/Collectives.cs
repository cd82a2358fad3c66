using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.MpiProcesses;

/// <summary>Every operation, with what all processes must have got; a line when all was right, an exception when not.</summary>
internal static class Collectives
{
    private const int Many = 1_000_000;

    public static int Run(ICollective world)
    {
        foreach (var count in new[] { 0, 1, 7, Many })
        {
            Reduce(world, count);
            Broadcast(world, count);
        }

        foreach (var length in new[] { 0, 1, 1000, Many })
        {
            Gather(world, length);
            Exchange(world, length);
        }

        world.Barrier();
        Refuse(world);
        Console.WriteLine($"rank {world.Rank} of {world.Size}: all right");
        return 0;
    }

    // Whole numbers, so that the sum does not depend on the order.
    private static void Reduce(ICollective world, int count)
    {
        var doubles = new double[count];
        var floats = new float[count];
        for (var i = 0; i < count; i++)
        {
            doubles[i] = (world.Rank + 1) * (i + 1.0);
            floats[i] = (world.Rank + 1) * (i % 1000);
        }

        world.AllReduce(doubles);
        world.AllReduce(floats);

        var ranks = world.Size * (world.Size + 1) / 2;
        for (var i = 0; i < count; i++)
        {
            Require(doubles[i] == ranks * (i + 1.0), $"sum {i} of {count} doubles");
            Require(floats[i] == ranks * (i % 1000), $"sum {i} of {count} floats");
        }

        // Rounded sums: the same bits everywhere.
        for (var i = 0; i < count; i++)
        {
            doubles[i] = Math.Sin((100.0 * world.Rank) + i);
        }

        world.AllReduce(doubles);
        var first = (double[])doubles.Clone();
        world.Broadcast(MemoryMarshal.AsBytes(first.AsSpan()), 0);
        Require(MemoryMarshal.AsBytes(doubles.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(first.AsSpan())), $"bits of {count} rounded sums");
    }

    private static void Broadcast(ICollective world, int count)
    {
        for (var root = 0; root < world.Size; root++)
        {
            var values = new byte[count];
            Array.Fill(values, (byte)(world.Rank + 1));
            world.Broadcast(values, root);
            Require(!values.AsSpan().ContainsAnyExcept((byte)(root + 1)), $"{count} bytes of {root}");
        }
    }

    // Process r has r times the length: the first has nothing.
    private static void Gather(ICollective world, int length)
    {
        int[] counts = [.. Enumerable.Range(0, world.Size).Select(rank => rank * length)];
        var own = new byte[counts[world.Rank]];
        Array.Fill(own, (byte)(world.Rank + 1));
        var all = new byte[counts.Sum()];

        world.AllGather(own, all, counts);

        Require(all.AsSpan().SequenceEqual(Enumerable.Range(0, world.Size).SelectMany(rank => Enumerable.Repeat((byte)(rank + 1), counts[rank])).ToArray()), $"pieces of {length}");
    }

    // Process r has |r - t| times the length for t: nothing for itself.
    private static void Exchange(ICollective world, int length)
    {
        var ranks = Enumerable.Range(0, world.Size).ToArray();
        int[] counts = [.. ranks.Select(rank => Math.Abs(rank - world.Rank) * length)];
        var sent = ranks.SelectMany(to => Enumerable.Repeat(Mark(world.Rank, to), counts[to])).ToArray();
        var received = new byte[counts.Sum()];

        world.AllToAll(sent, counts, received, counts);

        Require(received.AsSpan().SequenceEqual(ranks.SelectMany(from => Enumerable.Repeat(Mark(from, world.Rank), counts[from])).ToArray()), $"exchange of {length}");

        static byte Mark(int from, int to) => (byte)((16 * from) + to);
    }

    // What native code would not survive is refused before it, in this process alone.
    private static void Refuse(ICollective world)
    {
        var counts = new int[world.Size];
        Throws<ArgumentException>(() => world.AllGather(new byte[1], new byte[1], counts));
        Throws<ArgumentException>(() => world.AllGather([], [], [.. counts, 0]));
        Throws<ArgumentException>(() => world.AllToAll(new byte[1], counts, [], counts));
        Throws<ArgumentOutOfRangeException>(() => world.Broadcast(new byte[1], world.Size));
        world.Barrier();
    }

    private static void Throws<T>(Action action)
        where T : ArgumentException
    {
        try
        {
            action();
        }
        catch (T)
        {
            return;
        }

        throw new InvalidOperationException($"No {typeof(T).Name}.");
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"Wrong: {what}.");
        }
    }
}
