using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Trains the parameters of any TorchSharp network by any method of <see cref="Optimizers"/>, without ML.NET.</summary>
/// <remarks>
/// Made by <c>CreateFor</c> or <c>CreateForRegression</c> of <see cref="OptimizerOptions"/>. A step runs the forward pass and the backward passes that
/// the method needs. Made for a network, methods built on per-sample gradients let its layers record and take one backward pass for all
/// samples, as long as all that is trained belongs to Linear, Conv2d, Embedding or LayerNorm layers, whose input has one row for each sample.
/// Otherwise, and made for a list of parameters, they take one backward pass for each sample of the batch and hold N times the trained
/// numbers; <see cref="UsesRecordedLayers"/> tells. The first batch of each shape costs three more passes, which check that both ways agree.
/// <see cref="OptimizerOptions.Schedule"/> is not applied, as the number of steps is not known here: pass each step its learning rate.
/// Not safe for several threads.
/// </remarks>
public sealed class ParameterOptimizer : IDisposable
{
    private const string MethodKey = "optimizer";

    private readonly ParameterSet _parameters;
    private readonly Optimizer _optimizer;
    private readonly CheckedPasses _passes;
    private readonly NativeHeap _heap;
    private readonly long _seed;
    private long _measured;
    private bool _disposed;

    internal ParameterOptimizer(OptimizerOptions options, nn.Module network, BatchCheck check, long seed)
        : this(options, ParameterCheck.Trainable(network), check, seed, network)
    {
    }

    internal ParameterOptimizer(OptimizerOptions options, IEnumerable<Parameter> parameters, BatchCheck check, long seed)
        : this(options, ParameterCheck.Numbered(parameters), check, seed)
    {
    }

    private ParameterOptimizer(OptimizerOptions options, IEnumerable<NamedParameter> parameters, BatchCheck check, long seed, nn.Module? network = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _parameters = ParameterCheck.Distinct(parameters);
        _seed = seed;
        Method = options.Name;
        LearningRate = options.ResolveLearningRate(check.ClassCount ?? 1);
        _optimizer = options.Build(_parameters, seed);
        _passes = new CheckedPasses(_parameters, check, network);
        _heap = new NativeHeap();
    }

    /// <summary>Name of the method.</summary>
    public string Method { get; }

    /// <summary>Learning rate of a step that is not given one: the one set in the options, or the method's default.</summary>
    public double LearningRate { get; }

    /// <summary>Whether the last per-sample gradients came from one backward pass through layers that record, rather than one for each sample.</summary>
    /// <value><see langword="null"/> before the first batch, and for methods that need none.</value>
    public bool? UsesRecordedLayers => _passes.UsesRecordedLayers;

    /// <summary>Which parameters the method trains in another way than its own, and how, in one sentence.</summary>
    /// <remarks>The methods with factors for each layer cover some kinds of layers only; see docs/optimizers.md.</remarks>
    /// <value><see langword="null"/> where there are none, and before the first step of a method that cannot tell earlier.</value>
    public string? Exemptions => _optimizer.Coverage?.Describe(Method);

    /// <summary>Runs the forward pass on one batch of N samples and moves the parameters by one step.</summary>
    /// <remarks>Gradients that the parameters hold are as they were afterwards; those of the step are not left behind.</remarks>
    /// <param name="forward">
    /// Computes the logits [N, C] for C classes, [N, 1] for regression, from the parameters, with grad mode on. Called once, and again by methods that
    /// compare losses; the step disposes the logits and every tensor that a call makes in the dispose scope around it.
    /// </param>
    /// <param name="labels">Classes from 0 to C − 1, int64, [N]; numbers, float32 or float64, [N], for regression. Not modified.</param>
    /// <param name="learningRate">Learning rate η of this step; <see langword="null"/> for <see cref="LearningRate"/>.</param>
    /// <param name="rowWeights">
    /// How often each row counts, greater than zero and in the range of float32, float32 or float64, [N]: weight 2 means the same as the row standing twice in the batch, for every
    /// method. Not modified. <see langword="null"/> for once each.
    /// </param>
    /// <returns>What the step saw and did.</returns>
    /// <exception cref="ArgumentException">Logits, labels or weights have the wrong shape, type or values; nothing is changed then.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="learningRate"/> is not a positive number.</exception>
    /// <exception cref="InvalidOperationException">
    /// The loss is not finite, a parameter has been frozen or replaced since the optimizer was made, or one does not take part in the logits of the first batch, or, for methods on
    /// per-sample gradients, of any; nothing is changed then.
    /// </exception>
    public StepReport Step(Func<Tensor> forward, Tensor labels, double? learningRate = null, Tensor? rowWeights = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(labels);
        var rate = learningRate ?? LearningRate;
        if (!SingleRange.IsPositive(rate))
        {
            throw new ArgumentOutOfRangeException(nameof(learningRate), $"The learning rate is {SingleRange.Describe(rate)}. Use a positive number.");
        }

        using var scope = NewDisposeScope();
        using var gradients = new GradientsSetAside(_parameters);
        using var evaluation = _passes.Run(
            forward, labels, _optimizer.NeedsPerSampleGradients,
            FormattableString.Invariant($"Lower the learning rate, which is {rate}, or look for inputs or weights that are not finite."), rowWeights);
        var correct = evaluation.CountCorrect();
        var diagnostics = _optimizer.Step(evaluation, rate);
        return new StepReport
        {
            Loss = evaluation.MeanLoss,
            Correct = correct,
            SampleCount = evaluation.SampleCount,
            LearningRate = diagnostics.LearningRate ?? rate,
            SmallestGradientNorm = diagnostics.SmallestGradientNorm,
            LargestGradientNorm = diagnostics.LargestGradientNorm,
            Condition = diagnostics.Condition,
            DeadRows = diagnostics.DeadRows,
            DampingRaised = diagnostics.DampingRaised,
        };
    }

    /// <summary>Measures on one batch how good the update directions of methods are: γ against the exact Fisher matrix of the batch.</summary>
    /// <remarks>
    /// Wu et al., NeurIPS 2024, algorithm 4. Parameters, gradients that they hold, and what this optimizer remembers stay as they are. Every method of the probe costs its own direction and two forward passes; for layers that record nothing, the per-sample
    /// gradients of the report take N backward passes. Dropout has to be off.
    /// </remarks>
    /// <param name="forward">As in <see cref="Step"/>; called several times, and the same logits have to come each time.</param>
    /// <param name="labels">As in <see cref="Step"/>.</param>
    /// <param name="probe">
    /// The methods and dampings to measure; <see cref="QualityProbe.Every"/> and <see cref="QualityProbe.BatchesPerEpoch"/> are for trainers.
    /// <see langword="null"/> for the default: EF, iEF and SF.
    /// </param>
    /// <param name="rowWeights">As in <see cref="Step"/>: the directions and F are those of the weighted batch, norms and projections those of its rows.</param>
    /// <returns>What was found; average several batches with QualityReport.Average.</returns>
    /// <exception cref="ArgumentException">Logits or labels have the wrong shape, type or values, or a method has no direction of a single batch.</exception>
    /// <exception cref="InvalidOperationException">
    /// The loss is not finite, a parameter has been frozen or replaced, or does not take part in the logits, or the forward pass does not repeat itself.
    /// </exception>
    public QualityReport MeasureQuality(Func<Tensor> forward, Tensor labels, QualityProbe? probe = null, Tensor? rowWeights = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(labels);
        probe ??= new QualityProbe();
        probe.Validate();
        var quality = new ApproximationQuality(_parameters, probe, _seed + _measured);
        using var scope = NewDisposeScope();
        using var gradients = new GradientsSetAside(_parameters);
        using var evaluation = _passes.Run(forward, labels, perSampleGradients: true, "Look for inputs or weights that are not finite.", rowWeights);
        _measured++;
        return quality.Measure(evaluation);
    }

    /// <summary>Writes what the method remembers from step to step as a safetensors file; not the parameters themselves.</summary>
    /// <param name="stream">Where to, from its position on; stays open.</param>
    public void SaveState(Stream stream)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(stream);
        using var state = _optimizer.SaveState();
        SafetensorsWriter.Write(
            stream,
            state.Values.Select(part => new SafetensorsEntry(part.Key, part.Value)),
            new Dictionary<string, string> { [MethodKey] = Method });
    }

    /// <summary>Takes over what <see cref="SaveState"/> of an optimizer with the same settings and parameter shapes wrote.</summary>
    /// <param name="stream">Read from its position to its end; stays open.</param>
    /// <exception cref="IOException">The state, which may be larger than an array can be, cannot be written to a temporary file.</exception>
    /// <exception cref="InvalidDataException">It is no such file, or of another method or other parameters; nothing is changed then.</exception>
    public void RestoreState(Stream stream)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(stream);
        using var content = new StateFile(stream);
        using var file = SafetensorsFile.Open(content.Path, "The saved state of the optimizer");
        if (!file.Metadata.TryGetValue(MethodKey, out var method) || method != Method)
        {
            throw new InvalidDataException(
                $"The saved state is of the method '{method}', but this optimizer is '{Method}'. Restore it with the method that it was saved with.");
        }

        using var scope = NewDisposeScope();
        using var state = new Optimization.OptimizerState(file.Names.ToDictionary(name => name, name => file.Read(name, file.TypeOf(name))));
        _optimizer.RestoreState(state);
    }

    /// <summary>Frees what the method remembers and leaves the network's layers; the parameters stay.</summary>
    /// <remarks>Until then, native memory that steps free stays with the process for the next step, on Linux with glibc; see docs/benchmarks.md.</remarks>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _passes.Dispose();
            _optimizer.Dispose();
            _heap.Dispose();
        }
    }
}
