using Microsoft.ML.NaturalGradient.Diagnostics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>How far a run is, and the weights it keeps; saved where the run leaves checkpoints, and taken from there at its start.</summary>
/// <param name="model">The model.</param>
/// <param name="parameters">Its trained weights.</param>
/// <param name="guard">The optimizer, and what can be gone back to.</param>
/// <param name="quality">What measures update directions; null for nothing.</param>
/// <param name="checkpoints">Where states are; null for nowhere.</param>
/// <param name="clock">What tells the time.</param>
internal sealed class RunState(
    ITrainableModel model, IReadOnlyList<NamedParameter> parameters, DivergenceGuard guard, ApproximationQuality? quality, TrainingCheckpoints? checkpoints,
    TimeProvider clock) : IDisposable
{
    private readonly long _start = clock.GetTimestamp();
    private TimeSpan _elapsedBefore; // the run was interrupted
    private TimeSpan _savedAt;
    private int _stepsSinceSave;
    private Tensor? _randomness; // of the model's generator, at the position

    /// <summary>How far the run is.</summary>
    public TrainingPosition Position { get; private set; } = new();

    /// <summary>The weights of the epoch that is kept; owned by this object. Null for none.</summary>
    public WeightSnapshot? Kept { get; private set; }

    /// <summary>How long the run took, without interruptions.</summary>
    public TimeSpan Elapsed => _elapsedBefore + SinceStart;

    private TimeSpan SinceStart => clock.GetElapsedTime(_start);

    /// <summary>Takes over the state that is to be gone on from, before the first step.</summary>
    /// <param name="epochCount">Epochs of the run.</param>
    /// <param name="batchCount">Batches of an epoch.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="InvalidOperationException">It is that of another run; the message names what differs.</exception>
    /// <exception cref="InvalidDataException">It does not fit the model, or no run comes to such a position.</exception>
    public bool TryRestore(int epochCount, int batchCount)
    {
        using var state = checkpoints?.Take();
        if (state is not null)
        {
            state.Position.Check(epochCount, batchCount);
            Kept = state.Restore(parameters, model.Randomness, guard);
            (Position, _elapsedBefore) = (state.Position, TimeSpan.FromSeconds(state.Position.Seconds));
            quality?.Measured = Position.Measured;
        }

        Mark();
        return state is not null;
    }

    /// <summary>Keeps the weights as they are.</summary>
    public void Keep()
    {
        Kept?.Dispose();
        Kept = new WeightSnapshot(parameters);
    }

    /// <summary>Marks a place from which the run could go on: what is saved later says of generators what they are now.</summary>
    public void Mark()
    {
        if (checkpoints is null)
        {
            return;
        }

        Position.Measured = quality?.Measured ?? 0;
        _randomness?.Dispose();
        _randomness = model.Randomness?.get_state().DetachFromDisposeScope();
    }

    /// <summary>Counts a step, and saves the state of the marked place if it is time to.</summary>
    public void SaveIfDue()
    {
        _stepsSinceSave++;
        if (checkpoints?.Interval is { } interval && (_stepsSinceSave >= interval.Steps || SinceStart - _savedAt >= interval.Time))
        {
            Save();
        }
    }

    /// <summary>Saves the state of the marked place.</summary>
    public void Save()
    {
        if (checkpoints is null)
        {
            return;
        }

        (Position.Seconds, Position.Guard) = (Elapsed.TotalSeconds, guard.Position);
        checkpoints.Save(stream => TrainingState.Write(stream, Position, checkpoints.Identity, parameters, Kept, guard, _randomness));
        (_savedAt, _stepsSinceSave) = (SinceStart, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Kept?.Dispose();
        _randomness?.Dispose();
    }
}
