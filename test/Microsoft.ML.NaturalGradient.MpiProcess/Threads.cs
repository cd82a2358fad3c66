namespace Microsoft.ML.NaturalGradient.MpiProcesses;

/// <summary>Two threads of the first process call at the same time: one of them is refused.</summary>
internal static class Threads
{
    public static int Run(ICollective world)
    {
        if (world.Rank > 0)
        {
            Thread.Sleep(1000); // while the two meet
            world.Barrier();
            return 0;
        }

        var messages = new List<string>();
        var threads = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            try
            {
                world.Barrier();
            }
            catch (InvalidOperationException exception)
            {
                lock (messages)
                {
                    messages.Add(exception.Message);
                }
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Console.WriteLine($"refused {messages.Count}: {string.Join(' ', messages)}");
        return 0;
    }
}
