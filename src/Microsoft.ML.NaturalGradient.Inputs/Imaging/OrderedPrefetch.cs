namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Works ahead on other threads while the caller uses earlier results; results keep the order of the items.</summary>
internal static class OrderedPrefetch
{
    /// <summary>Applies a function to items, some items ahead of what is read.</summary>
    /// <remarks>
    /// Items are taken one after the other on the reader's thread, so they may come from a cursor. At most <paramref name="ahead"/> results
    /// wait or are worked on. An error appears where its result would, and ends the sequence. Leaving the sequence early, or its end,
    /// waits for what is still worked on: nothing runs afterwards.
    /// </remarks>
    /// <typeparam name="TItem">Type of the items.</typeparam>
    /// <typeparam name="TResult">Type of the results.</typeparam>
    /// <param name="items">The items; read lazily.</param>
    /// <param name="work">The function; called on several threads at once.</param>
    /// <param name="parallelism">Most calls at once.</param>
    /// <param name="ahead">Most items that are taken ahead of the results that are read.</param>
    /// <param name="cancellationToken">Ends the sequence by an exception.</param>
    /// <returns>The results, in the order of the items.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static IEnumerable<TResult> Run<TItem, TResult>(
        IEnumerable<TItem> items, Func<TItem, TResult> work, int parallelism, int ahead, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parallelism);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ahead);
        return Iterate(items, work, parallelism, ahead, cancellationToken);
    }

    private static IEnumerable<TResult> Iterate<TItem, TResult>(
        IEnumerable<TItem> items, Func<TItem, TResult> work, int parallelism, int ahead, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var factory = new TaskFactory<TResult>(new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, parallelism).ConcurrentScheduler);
        var running = new Queue<Task<TResult>>();
        try
        {
            foreach (var item in items)
            {
                cancellationToken.ThrowIfCancellationRequested();
                running.Enqueue(factory.StartNew(() => work(item), stop.Token));
                if (running.Count == ahead)
                {
                    yield return Next(running, cancellationToken);
                }
            }
            while (running.Count > 0)
            {
                yield return Next(running, cancellationToken);
            }
        }
        finally
        {
            stop.Cancel();
            foreach (var task in running)
            {
                ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
                _ = task.Exception; // comes after an error that the reader saw, or after all that the reader wanted
            }
        }
    }

    private static TResult Next<TResult>(Queue<Task<TResult>> running, CancellationToken cancellationToken)
    {
        running.Peek().WaitAsync(cancellationToken).GetAwaiter().GetResult();
        return running.Dequeue().Result;
    }
}
