using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Notices that a run goes wrong, by its training loss, and takes it back to weights that were good.</summary>
/// <remarks>
/// The loss is smoothed over the last rows, as many as there are classes but at least 256: while most classes were not seen yet, it stands above that of
/// a guess in runs that go well. A run has gone wrong when the smoothed loss stands above that of a guess, or has risen by
/// half of that over its lowest value. Weights count as good when the smoothed loss at them was about the lowest so far,
/// and better than a guess. On the way back the optimizer
/// takes over its own state of that time, halves its steps, and limits what they ask of a row (<see cref="Optimizer.LimitTargets"/>).
/// </remarks>
/// <param name="parameters">The trained weights; changed when the run is taken back.</param>
/// <param name="build">Makes the optimizer; called again when the run is taken back.</param>
/// <param name="guess">Mean loss of a row about which nothing is known; null to notice only losses that are not finite, and to take nothing back.</param>
internal sealed class DivergenceGuard(IReadOnlyList<NamedParameter> parameters, Func<Optimizer> build, double? guess) : IDisposable
{
    /// <summary>How often a run is taken back before it is given up.</summary>
    public const int MostRescues = 8;

    private const int FewestSteps = 8;
    private const double FewestSmoothedRows = 256;
    private const int SnapshotInterval = 10;
    private const double StandardErrors = 3; // by which the first batch may differ from others
    private const double MostRise = 0.5; // of the loss of a guess, like the next
    private const double GoodEnough = 0.02;
    private const double EarlyMargin = 0.02; // of the loss of a guess, by which good runs too stand above it in their first steps; one that was taken back is not trusted so far

    private readonly double _smoothedRows = Math.Max(FewestSmoothedRows, Math.Exp(guess ?? 0)); // the loss of a guess is ln C
    private double _guess = guess ?? double.PositiveInfinity;
    private double _smoothed;
    private double _lowest = double.PositiveInfinity;
    private int _steps; // batches seen
    private int _sinceSnapshot;
    private WeightSnapshot? _weights;
    private OptimizerState? _state;

    /// <summary>The optimizer as it is now; owned by this object.</summary>
    public Optimizer Optimizer { get; private set; } = build();

    /// <summary>What learning rates are multiplied with.</summary>
    public double RateFactor { get; private set; } = 1;

    /// <summary>How often the run was taken back.</summary>
    public int Rescues { get; private set; }

    /// <summary>Where the good weights are from.</summary>
    public (int Epoch, int Step) Good { get; private set; }

    /// <summary>Whether good weights are known that some training led to.</summary>
    public bool HasLearned => Good != default;

    /// <summary>Whether the run is back where it began, and no step was taken since.</summary>
    public bool IsAtStart { get; private set; }

    /// <summary>What this object knows, without its copies.</summary>
    public GuardPosition Position => new(_guess, _smoothed, _lowest, _steps, _sinceSnapshot, RateFactor, Rescues, Good.Epoch, Good.Step, IsAtStart);

    /// <summary>The copy of good weights; owned by this object. Null before the first batch.</summary>
    public WeightSnapshot? GoodWeights => _weights;

    /// <summary>The optimizer's state at them; owned by this object.</summary>
    public OptimizerState? GoodState => _state;

    /// <summary>Takes over what another object of the same run knew.</summary>
    /// <param name="position">What it knew.</param>
    /// <param name="state">Its optimizer's state; not modified.</param>
    /// <param name="good">Its copy of good weights, owned by this object from now on; null for none.</param>
    /// <param name="goodState">The optimizer's state at them, owned by this object from now on.</param>
    public void Restore(GuardPosition position, OptimizerState state, WeightSnapshot? good, OptimizerState? goodState)
    {
        Forget();
        (_weights, _state) = (good, goodState);
        (_guess, _smoothed, _lowest, _steps, _sinceSnapshot) = (position.Guess, position.Smoothed, position.Lowest, position.Steps, position.SinceSnapshot);
        (RateFactor, Rescues, Good, IsAtStart) = (position.RateFactor, position.Rescues, (position.GoodEpoch, position.GoodStep), position.IsAtStart);
        Optimizer.RestoreState(state);
        if (Rescues > 0)
        {
            Optimizer.LimitTargets();
        }
    }

    /// <summary>Looks at the losses of a batch before a step is taken on it.</summary>
    /// <param name="losses">Loss of each of its rows at the weights as they are, [N], float64.</param>
    /// <param name="loss">Their mean, each as often as its row counts.</param>
    /// <param name="epoch">The epoch, from 1.</param>
    /// <param name="step">Steps taken in this epoch.</param>
    /// <returns>What is wrong, as the end of a sentence; null when the run goes well.</returns>
    public string? Watch(Tensor losses, double loss, int epoch, int step)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = losses.shape[0];
        if (!double.IsFinite(loss))
        {
            return FormattableString.Invariant($"became {loss}");
        }

        if (guess is null)
        {
            return null;
        }

        if (_weights is null)
        {
            var error = rows > 1 ? losses.std().item<double>() / Math.Sqrt(rows) : loss; // of the mean: other batches start higher
            (_guess, _smoothed, _lowest) = (Math.Max(_guess, loss + (StandardErrors * error)), loss, loss);
            Keep(default);
            return null;
        }

        var span = Math.Max(FewestSteps, _smoothedRows / rows);
        _smoothed += (loss - _smoothed) / Math.Min(++_steps + 1, span);
        if (_smoothed > _lowest + (MostRise * _guess))
        {
            return FormattableString.Invariant($"rose from {_lowest:G3} to {_smoothed:G3}");
        }

        if (_steps >= span / 2 && _smoothed > _guess * (_steps < span && Rescues == 0 ? 1 + EarlyMargin : 1))
        {
            return FormattableString.Invariant($"is {_smoothed:G3}, above the {_guess:G3} of a guess");
        }

        _lowest = Math.Min(_lowest, _smoothed);
        if (++_sinceSnapshot >= SnapshotInterval && loss <= _smoothed && _smoothed <= Math.Min(_lowest + (GoodEnough * _guess), (1 - GoodEnough) * _guess))
        {
            Keep((epoch, step));
        }

        return null;
    }

    /// <summary>Looks at the loss of a batch after the step that was taken on it, which tells less than <see cref="Watch"/>.</summary>
    /// <param name="loss">Mean loss of its rows at the weights as they are.</param>
    /// <param name="rows">Its rows N.</param>
    /// <returns>What is wrong, as the end of a sentence; null when the run goes well.</returns>
    public string? Judge(double loss, long rows) => double.IsFinite(loss) && !(loss > _smoothed + (_guess * (1 + (4 / Math.Sqrt(rows)))))
        ? null
        : FormattableString.Invariant($"became {loss:G3}");

    /// <summary>Takes a step.</summary>
    /// <param name="batch">The evaluated batch; its graph is used up.</param>
    /// <param name="learningRate">Learning rate η, already multiplied with <see cref="RateFactor"/>.</param>
    /// <returns>What the step noticed.</returns>
    public StepDiagnostics Step(BatchEvaluation batch, double learningRate)
    {
        IsAtStart = false;
        return Optimizer.Step(batch, learningRate);
    }

    /// <summary>Takes the run back, with smaller steps from now on.</summary>
    /// <returns>Whether it goes on; false when it was taken back too often, or no finite loss was ever seen. The weights are the good ones then too, where there are any.</returns>
    public bool TryRescue()
    {
        _weights?.Restore();
        if (_weights is null || Rescues == MostRescues)
        {
            return false;
        }

        Optimizer.Dispose();
        Optimizer = build(); // a new one, since parts that it made since cannot be taken back
        Optimizer.RestoreState(_state!);
        Optimizer.LimitTargets();
        RateFactor /= 2;
        Rescues++;
        IsAtStart = !HasLearned;
        (_smoothed, _sinceSnapshot) = (_lowest, 0);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Forget();
        Optimizer.Dispose();
    }

    private void Keep((int Epoch, int Step) position)
    {
        Forget();
        (_weights, _state, _sinceSnapshot, Good) = (new WeightSnapshot(parameters), Optimizer.SaveState(), 0, position);
    }

    private void Forget()
    {
        _weights?.Dispose();
        _state?.Dispose();
    }
}
