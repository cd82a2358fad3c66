using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class OrderedPrefetchTests
{
    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Run_WorkOfDifferentLength_KeepsTheOrder()
    {
        var results = OrderedPrefetch.Run(
            Enumerable.Range(0, 40),
            i =>
            {
                Thread.Sleep(i % 4 == 0 ? 8 : 0);
                return i * i;
            },
            4, 8, TestContext.CancellationToken);

        CollectionAssert.AreEqual(Enumerable.Range(0, 40).Select(i => i * i).ToArray(), results.ToArray());
    }

    [TestMethod]
    public void Run_SlowReader_StaysWithinItsBounds()
    {
        var (taken, running, most) = (0, 0, 0);
        var items = Enumerable.Range(0, 60).Select(i =>
        {
            taken++;
            return i;
        });
        var results = OrderedPrefetch.Run(
            items,
            i =>
            {
                var now = Interlocked.Increment(ref running);
                lock (items)
                {
                    most = Math.Max(most, now);
                }
                Thread.Sleep(1);
                Interlocked.Decrement(ref running);
                return i;
            },
            3, 6, TestContext.CancellationToken);

        var read = 0;
        foreach (var _ in results)
        {
            read++;
            Fixture.AssertLess(read + 6, taken);
        }

        Assert.AreEqual(60, read);
        Fixture.AssertLess(4, most);
    }

    [TestMethod]
    public void Run_TwoCallsThatWaitForEachOther_MeetBecauseTheyRunAtOnce()
    {
        using var meeting = new Barrier(2);

        var met = OrderedPrefetch.Run(
            Enumerable.Range(0, 4), _ => meeting.SignalAndWait(TimeSpan.FromMinutes(1), TestContext.CancellationToken), 2, 4, TestContext.CancellationToken);

        CollectionAssert.AreEqual(new[] { true, true, true, true }, met.ToArray());
    }

    [TestMethod]
    public void Run_WhileReaderWorks_WorksAhead()
    {
        using var second = new ManualResetEventSlim();
        var results = OrderedPrefetch.Run(
            Enumerable.Range(0, 2),
            i =>
            {
                if (i == 1)
                {
                    second.Set();
                }
                return i;
            },
            2, 2, TestContext.CancellationToken);
        using var reader = results.GetEnumerator();

        Assert.IsTrue(reader.MoveNext());

        Assert.IsTrue(second.Wait(TimeSpan.FromSeconds(20), TestContext.CancellationToken)); // though only the first was asked for
    }

    [TestMethod]
    public void Run_Error_ComesInItsPlaceAndNothingRunsAfterwards()
    {
        var running = 0;
        var seen = new List<int>();

        var error = Assert.ThrowsExactly<InvalidDataException>(() =>
        {
            foreach (var result in OrderedPrefetch.Run(Enumerable.Range(0, 100), Work, 4, 8, TestContext.CancellationToken))
            {
                seen.Add(result);
            }
        });

        Assert.AreEqual("10 is bad", error.Message);
        CollectionAssert.AreEqual(Enumerable.Range(0, 10).ToArray(), seen);
        Assert.AreEqual(0, running);

        int Work(int i)
        {
            Interlocked.Increment(ref running);
            Thread.Sleep(i == 10 ? 0 : 2);
            Interlocked.Decrement(ref running);
            return i >= 10 ? throw new InvalidDataException($"{i} is bad") : i;
        }
    }

    [TestMethod]
    public void Run_ErrorOfTheItems_IsPassedOn()
    {
        static IEnumerable<int> Items()
        {
            yield return 1;
            throw new IOException("cursor");
        }

        Assert.ThrowsExactly<IOException>(() => OrderedPrefetch.Run(Items(), i => i, 2, 4, TestContext.CancellationToken).Count());
    }

    [TestMethod]
    public void Run_LeftEarly_WaitsForWhatRuns()
    {
        var (running, started) = (0, 0);
        var first = OrderedPrefetch.Run(
            Enumerable.Range(0, 100),
            i =>
            {
                Interlocked.Increment(ref started);
                Interlocked.Increment(ref running);
                Thread.Sleep(i == 0 ? 0 : 10);
                Interlocked.Decrement(ref running);
                return i;
            },
            4, 8, TestContext.CancellationToken).First();

        Assert.AreEqual(0, first);
        Assert.AreEqual(0, running);
        Fixture.AssertLess(9, started);
    }

    [TestMethod]
    public void Run_Cancelled_EndsThoughWorkWaits()
    {
        using var cancel = new CancellationTokenSource();
        var seen = 0;

        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var _ in OrderedPrefetch.Run(Enumerable.Range(0, 1_000_000), i => i, 2, 4, cancel.Token))
            {
                if (++seen == 5)
                {
                    cancel.Cancel();
                }
            }
        });

        Assert.AreEqual(5, seen);
    }
}
