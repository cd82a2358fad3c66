namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Keeps what several threads use until the last of them is done, though another disposes it meanwhile.</summary>
/// <param name="release">Frees what is used; called once, on the thread that disposes or on the one that is done last.</param>
/// <param name="disposed">Makes the error for those who come too late.</param>
internal sealed class UseGate(Action release, Func<ObjectDisposedException> disposed) : IDisposable
{
    // Native code reads memory that a thread frees without asking, and ends the process. The lock's owners are threads: no await within.
    private readonly ReaderWriterLockSlim _lock = new(LockRecursionPolicy.SupportsRecursion);
    private volatile bool _isDisposed;
    private bool _isReleased;

    /// <summary>Begins a use; others may use at the same time.</summary>
    /// <returns>Ends the use; it also keeps what is used from being finalised meanwhile.</returns>
    /// <exception cref="ObjectDisposedException">The gate is disposed.</exception>
    public Pass Use()
    {
        _lock.EnterReadLock();
        return Enter(new Pass(this, isChange: false));
    }

    /// <summary>Begins a change, once all uses have ended; none begins meanwhile.</summary>
    /// <returns>Ends the change.</returns>
    /// <exception cref="ObjectDisposedException">The gate is disposed.</exception>
    /// <exception cref="LockRecursionException">This very thread is in the middle of a use.</exception>
    public Pass Change()
    {
        _lock.EnterWriteLock();
        return Enter(new Pass(this, isChange: true));
    }

    /// <summary>Throws if the gate is disposed.</summary>
    public void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw disposed();
        }
    }

    /// <summary>Lets nobody in from now on, and releases when nobody is inside. Does not wait; may be called again, and by several threads.</summary>
    /// <remarks>The lock stays for those who come too late.</remarks>
    public void Dispose()
    {
        _isDisposed = true;
        ReleaseIfUnused();
    }

    private Pass Enter(Pass pass)
    {
        if (_isDisposed)
        {
            pass.Dispose();
            throw disposed();
        }

        return pass;
    }

    // Who finds others inside leaves it to them: each looks again after it has left.
    private void ReleaseIfUnused()
    {
        if (!_isDisposed || _lock.IsReadLockHeld || _lock.IsWriteLockHeld || !_lock.TryEnterWriteLock(0))
        {
            return;
        }

        try
        {
            if (!_isReleased)
            {
                _isReleased = true;
                release();
            }
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    /// <summary>A use or change that has begun.</summary>
    /// <param name="gate">The gate.</param>
    /// <param name="isChange">Whether it is a change.</param>
    public readonly ref struct Pass(UseGate gate, bool isChange)
    {
        /// <summary>Ends it.</summary>
        public void Dispose()
        {
            if (isChange)
            {
                gate._lock.ExitWriteLock();
            }
            else
            {
                gate._lock.ExitReadLock();
            }

            gate.ReleaseIfUnused();
        }
    }
}
