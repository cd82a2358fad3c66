using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Tests.Pipelines;

[TestClass]
public sealed class UseGateTests : IDisposable
{
    private readonly UseGate _gate;
    private int _released;

    public UseGateTests()
    {
        _gate = new UseGate(() => _released++, () => new ObjectDisposedException("the thing"));
    }

    public void Dispose() => _gate.Dispose();

    [TestMethod]
    public void Dispose_Unused_ReleasesOnce()
    {
        _gate.Dispose();
        _gate.Dispose();

        Assert.AreEqual(1, _released);
        Assert.AreEqual("the thing", Assert.ThrowsExactly<ObjectDisposedException>(() => _gate.Use().Dispose()).ObjectName);
        Assert.ThrowsExactly<ObjectDisposedException>(() => _gate.Change().Dispose());
        Assert.ThrowsExactly<ObjectDisposedException>(_gate.ThrowIfDisposed);
    }

    [TestMethod]
    public void Dispose_WithinAUse_ReleasesAfterTheOutermost()
    {
        using (_gate.Use())
        {
            using (_gate.Use())
            {
                _gate.Dispose();
            }

            Assert.AreEqual(0, _released);
        }

        Assert.AreEqual(1, _released);
    }

    [TestMethod]
    public void Dispose_WithinAChange_ReleasesAfterIt()
    {
        using (_gate.Change())
        {
            _gate.Dispose();
            Assert.AreEqual(0, _released);
        }

        Assert.AreEqual(1, _released);
    }

    [TestMethod]
    public void Dispose_WhileAnotherThreadUses_DoesNotWaitAndIsReleasedByIt()
    {
        using var inside = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var user = new Thread(() =>
        {
            using var use = _gate.Use();
            inside.Set();
            leave.Wait();
        });
        user.Start();
        inside.Wait();

        _gate.Dispose();
        Assert.AreEqual(0, _released);
        leave.Set();
        user.Join();

        Assert.AreEqual(1, _released);
    }

    [TestMethod]
    public void Change_WithinAUse_IsAnErrorAndNoDeadlock()
    {
        using var use = _gate.Use();

        Assert.ThrowsExactly<LockRecursionException>(() => _gate.Change().Dispose());
    }

    // Every use sees an even number: none runs beside a change.
    [TestMethod]
    public void Change_BesideUsesAndDispose_IsAlone()
    {
        var (number, odd) = (0, 0);
        var users = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            try
            {
                while (true)
                {
                    using var use = _gate.Use();
                    odd += number & 1;
                }
            }
            catch (ObjectDisposedException)
            {
            }
        })).ToArray();
        Array.ForEach(users, user => user.Start());
        for (var i = 0; i < 1000; i++)
        {
            using var change = _gate.Change();
            number++;
            Thread.SpinWait(50);
            number++;
        }

        _gate.Dispose();
        Array.ForEach(users, user => user.Join());

        Assert.AreEqual(0, odd);
        Assert.AreEqual(1, _released);
    }
}
