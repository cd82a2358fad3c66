using System.Globalization;
using System.Runtime.ExceptionServices;

namespace Microsoft.ML.NaturalGradient.Tests.Collectives;

/// <summary>Where threads meet and give each other what they have; nobody waits for one that is gone.</summary>
/// <param name="size">Number of threads.</param>
internal sealed class InMemoryMeeting(int size)
{
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim[] _rounds = [new(), new()];
    private readonly object[] _given = new object[size];
    private readonly string[] _operations = new string[size];
    private int _arrived;
    private int _round;
    private int _left;

    /// <summary>Number of threads.</summary>
    public int Size => size;

    /// <summary>The first exception that a thread ended with.</summary>
    public ExceptionDispatchInfo? First { get; private set; }

    /// <summary>Gives, and takes what all gave.</summary>
    /// <param name="rank">Number of the thread.</param>
    /// <param name="operation">What it is about; all must say the same.</param>
    /// <param name="given">What this thread gives.</param>
    /// <returns>What each gave, by rank.</returns>
    /// <exception cref="OperationCanceledException">Another thread ended with an exception.</exception>
    /// <exception cref="InvalidOperationException">Another is doing something else, or has returned.</exception>
    public object[] Exchange(int rank, string operation, object given)
    {
        _given[rank] = given;
        _operations[rank] = operation;
        Wait(rank, operation);
        var all = (object[])_given.Clone();
        var other = Array.FindIndex(_operations, said => said != operation);
        var otherOperation = other < 0 ? "" : _operations[other];
        Wait(rank, operation); // nobody gives the next before all have taken
        if (other >= 0)
        {
            throw new InvalidOperationException($"Rank {rank} called {operation} while rank {other} called {otherOperation}.");
        }

        return all;
    }

    /// <summary>Says that a thread is done.</summary>
    /// <param name="rank">Number of the thread.</param>
    /// <param name="exception">What it ended with; null for none.</param>
    public void Leave(int rank, ExceptionDispatchInfo? exception)
    {
        lock (_gate)
        {
            _left++;
            if (exception is null && _arrived > 0)
            {
                exception = ExceptionDispatchInfo.Capture(new InvalidOperationException(
                    string.Create(CultureInfo.InvariantCulture, $"Rank {rank} returned while {_arrived} others wait for it.")));
            }

            if (exception is not null)
            {
                First ??= exception;
                _rounds[0].Set();
                _rounds[1].Set();
            }
        }
    }

    private void Wait(int rank, string operation)
    {
        ManualResetEventSlim mine;
        int round;
        lock (_gate)
        {
            ThrowIfFailed();
            if (_left > 0)
            {
                throw new InvalidOperationException($"Rank {rank} called {operation}, but another has returned.");
            }

            round = _round;
            mine = _rounds[round % 2];
            if (++_arrived == size)
            {
                _arrived = 0;
                _round++;
                _rounds[_round % 2].Reset(); // all have left it: they are here
                mine.Set();
                return;
            }
        }

        mine.Wait();
        lock (_gate)
        {
            if (_round == round)
            {
                ThrowIfFailed();
            }
        }
    }

    private void ThrowIfFailed()
    {
        if (First is { } first)
        {
            throw new OperationCanceledException("Another thread ended with an exception.", first.SourceException);
        }
    }
}
