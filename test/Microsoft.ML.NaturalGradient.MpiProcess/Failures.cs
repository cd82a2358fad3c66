using System.Globalization;

namespace Microsoft.ML.NaturalGradient.MpiProcesses;

/// <summary>The last process fails while the others wait for it: they must not wait forever.</summary>
internal static class Failures
{
    public static int Run(ICollective world, string how)
    {
        Console.WriteLine($"rank {world.Rank} of {world.Size} pid {Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}");
        world.Barrier();
        if (world.Rank == world.Size - 1)
        {
            return Fail(world, how);
        }

        world.Barrier();
        Console.WriteLine("nobody failed");
        return 0;
    }

    private static int Fail(ICollective world, string how)
    {
        switch (how)
        {
            case "throw":
                throw new FormatException("a row that cannot be read");
            case "abort":
                world.Abort("the loss is not a number.");
                return 0;
            case "return":
                return 3;
            case "exit":
                Environment.Exit(4);
                return 0;
            case "exit-on-thread":
                // The main thread waits, as a server's does.
                new Thread(() => Environment.Exit(5)).Start();
                Thread.Sleep(Timeout.Infinite);
                return 0;
            case "leave-thread":
                // The others come to the first barrier only.
                new Thread(() =>
                {
                    world.Barrier();
                    world.Barrier();
                })
                { IsBackground = true }.Start();
                Thread.Sleep(1000);
                return 0;
            case "kill":
                Thread.Sleep(Timeout.Infinite); // a test kills it
                return 0;
            default:
                throw new ArgumentException($"There is no '{how}'.", nameof(how));
        }
    }
}
