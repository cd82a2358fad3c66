namespace Microsoft.ML.NaturalGradient.Tests.Stress;

/// <summary>Calls that are repeated under conditions that must not matter.</summary>
internal static class StressRun
{
    /// <summary>Repeats a call beside a thread that collects garbage.</summary>
    /// <param name="collections">How many collections there are at least; each is a chance for what is not kept alive.</param>
    /// <param name="call">The call; throws when its result is wrong.</param>
    /// <param name="callsToWarmUp">Calls after which each method in them has been called some 30 times.</param>
    /// <param name="calls">How many calls there are at least.</param>
    /// <returns>How many calls and collections there were, and what was thrown.</returns>
    public static (long Calls, int Collections, IReadOnlyList<Exception> Failures) BesideCollections(
        int collections, Action call, int callsToWarmUp = 40, long calls = 1)
    {
        WarmUp(call, callsToWarmUp);
        var (count, failures) = (0L, new List<Exception>());
        using var collector = new CollectingThread();
        var start = GC.CollectionCount(0);
        for (; count < calls || GC.CollectionCount(0) - start < collections; count++)
        {
            try
            {
                call();
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        }

        return (count, GC.CollectionCount(0) - start, failures);
    }

    /// <summary>Disposes an object, on two threads at once, while others call it.</summary>
    /// <param name="owner">The object.</param>
    /// <param name="calls">One call for each thread, which repeats it until it throws; each has ended once before the object is disposed.</param>
    /// <returns>How many calls ended normally, and what ended each thread.</returns>
    public static (long Calls, IReadOnlyList<Exception> Ends) DisposeWhileCalled(IDisposable owner, IReadOnlyList<Action> calls)
    {
        var (count, ends) = (0L, new Exception[calls.Count]);
        using var started = new CountdownEvent(calls.Count);
        Thread[] threads = [.. calls.Select((call, i) => new Thread(() => ends[i] = Repeat(call)))];
        Array.ForEach(threads, thread => thread.Start());
        started.Wait();
        Parallel.Invoke(owner.Dispose, owner.Dispose);
        Array.ForEach(threads, thread => thread.Join());
        return (count, ends);

        Exception Repeat(Action call)
        {
            for (var isFirst = true; ; isFirst = false)
            {
                try
                {
                    call();
                    Interlocked.Increment(ref count);
                }
                catch (Exception e)
                {
                    return e;
                }
                finally
                {
                    if (isFirst)
                    {
                        started.Signal();
                    }
                }
            }
        }
    }

    /// <summary>Compares what a call gave with what it gives when nothing else runs.</summary>
    /// <exception cref="InvalidOperationException">They differ.</exception>
    public static void Same(IReadOnlyList<float[]> expected, IReadOnlyList<float[]> actual)
    {
        if (!expected.SelectMany(row => row).SequenceEqual(actual.SelectMany(row => row)))
        {
            throw new InvalidOperationException($"The scores are {Text(actual)} in place of {Text(expected)}.");
        }
    }

    // The compiler's first code keeps every temporary alive to the end of a method. It is replaced in the background, where nothing new is compiled.
    private static void WarmUp(Action call, int calls)
    {
        for (var tier = 0; tier < 2; tier++)
        {
            for (var i = 0; i < calls; i++)
            {
                call();
            }

            Thread.Sleep(200);
        }
    }

    private static string Text(IReadOnlyList<float[]> rows) => string.Join(" | ", rows.Select(row => string.Join(' ', row)));
}
