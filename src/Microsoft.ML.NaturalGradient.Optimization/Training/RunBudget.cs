using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>The time that a run may take: how far it is by the clock, and whether there is time for another step.</summary>
/// <remarks>
/// What the end of an epoch takes, most of it validation, is kept free: as long as the last one took; before the first, by the time of a row in the fastest step, of
/// which a forward pass is about a third. The first step measures nothing, since it warms up, and a single one that was held up must not end a run early. All of it
/// is measured anew where a run goes on, which may be another machine.
/// </remarks>
/// <param name="time">The time; null for no limit. None is left where it is zero or less.</param>
/// <param name="rowsAtEnd">Rows that pass forward at the end of an epoch.</param>
/// <param name="elapsed">How long the run took until now.</param>
/// <param name="group">The processes of the run, which all go by the clock of the first; null for one.</param>
internal sealed class RunBudget(TimeSpan? time, double rowsAtEnd, Func<TimeSpan> elapsed, ProcessGroup? group = null)
{
    private const double ForwardShare = 1 / 3.0;
    private const int FewestSteps = 2;

    private TimeSpan? _last; // where the last step or epoch ended
    private TimeSpan _inSteps;
    private long _steps;
    private TimeSpan _fastestRow = TimeSpan.MaxValue;
    private TimeSpan? _atEnd;

    /// <summary>What is left, zero or more; null for no limit.</summary>
    public TimeSpan? Left => time is { } limit ? TimeSpan.FromTicks(Math.Max(0, (limit - elapsed()).Ticks)) : null;

    /// <summary>Whether one more step, and the end of its epoch, would take too long.</summary>
    public bool IsOver => time is { } limit && Agreed(elapsed() >= limit || elapsed() + Step + End > limit ? 1 : 0) > 0;

    /// <summary>Fraction of the time for steps that is used, from 0 to 1; 0 without a limit.</summary>
    public double Progress => time is not { } limit ? 0 : Agreed(limit <= End ? 1 : Math.Min(1, elapsed() / (limit - End)));

    private double Agreed(double own) => group?.OfFirst(own) ?? own;

    private TimeSpan Step => _steps == 0 ? TimeSpan.Zero : _inSteps / _steps;

    private TimeSpan End => _atEnd ?? (_steps < FewestSteps ? TimeSpan.Zero : _fastestRow * (ForwardShare * rowsAtEnd));

    /// <summary>Notes that a step ended.</summary>
    /// <param name="rows">Its rows.</param>
    public void CountStep(int rows)
    {
        var now = elapsed();
        if (_last is { } last)
        {
            var row = (now - last) / rows;
            (_inSteps, _steps, _fastestRow) = (_inSteps + (now - last), _steps + 1, row < _fastestRow ? row : _fastestRow);
        }

        _last = now;
    }

    /// <summary>Notes that an epoch ended, after its last step.</summary>
    public void CountEnd()
    {
        var now = elapsed();
        _atEnd = now - _last ?? _atEnd;
        _last = now;
    }
}
