using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The forward pass over a batch and everything an optimizer may ask of it: losses, gradients, per-sample gradients.</summary>
/// <remarks>In micro-batches, and shared out to processes, sums, Gram matrices and so steps are those of the whole batch up to rounding.</remarks>
internal sealed class BatchEvaluation : IDisposable
{
    private const double SmallestSquaredNorm = 1e-30;
    private const long UsuallyKeptBytes = 1L << 30;

    private readonly IObjective _objective;
    private readonly Tensor _labels;
    private readonly IBatchPasses _passes;
    private readonly double? _meanLoss; // where processes agreed on it

    private BatchEvaluation(IObjective objective, IBatchPasses passes, Tensor labels, Tensor? rowWeights, ProcessGroup? group)
    {
        (_objective, _passes, _labels) = (objective, passes, labels);
        using var scope = NewDisposeScope();
        Logits = passes.FirstForward().DetachFromDisposeScope();
        Weights = new RowWeights(rowWeights, labels.shape[0], Logits.device);
        var detached = Logits.detach();
        Losses = objective.Losses(detached, labels).DetachFromDisposeScope();
        LogitGradients = objective.LogitGradients(detached, labels).DetachFromDisposeScope();
        SquaredNorms = LogitGradients.Square().flatten(1).sum(1).DetachFromDisposeScope();
        if (group is not null)
        {
            // What a run decides by, so that processors that round differently decide alike.
            group.Broadcast(Losses);
            _meanLoss = group.OfFirst(Weights.Mean(Losses));
        }
    }

    /// <summary>Logits z, [N, ...]; in the autograd graph unless the batch is in micro-batches.</summary>
    public Tensor Logits { get; }

    /// <summary>Each sample's loss, [N], float64.</summary>
    public Tensor Losses { get; }

    /// <summary>∂ℓ_n/∂z_n, shaped like the logits, float64.</summary>
    public Tensor LogitGradients { get; }

    /// <summary>s_n = ‖∂ℓ_n/∂z_n‖², [N], float64.</summary>
    public Tensor SquaredNorms { get; }

    /// <summary>How often each row counts.</summary>
    public RowWeights Weights { get; }

    /// <summary>The mean loss of a row, Σ c_n ℓ_n / Σ c_n.</summary>
    public double MeanLoss => _meanLoss ?? Weights.Mean(Losses);

    /// <summary>The parameters that are trained; the optimizer sets them before it asks for anything.</summary>
    public IReadOnlyList<Parameter> Trained
    {
        get => _passes.Trained;
        set => _passes.Trained = value;
    }

    /// <summary>Samples N.</summary>
    public long SampleCount => Logits.shape[0];

    /// <summary>The parameters in whose coordinates θ = √f φ derivatives are meant, with f their rate factors; null for θ itself.</summary>
    public ParameterSet? Coordinates
    {
        get => _passes.Coordinates;
        set => _passes.Coordinates = value;
    }

    /// <summary>Whether the batch went through the network in one pass of this process, not in micro-batches or several processes.</summary>
    public bool IsWhole => _passes is WholeBatch;

    /// <summary>Whether per-sample gradients come from what the layers recorded, by one backward pass for all samples, instead of one for each.</summary>
    public bool UsesRecords => _passes is WholeBatch { UsesRecords: true };

    /// <summary>Whether every backward pass keeps the graph, so that another may follow; set while directions are compared.</summary>
    public bool KeepsGraph
    {
        get => _passes.KeepsGraph;
        set => _passes.KeepsGraph = value;
    }

    /// <summary>The gradients of each logit, ∂z_nk/∂θ for each k; null where they were not captured for sharing.</summary>
    public IReadOnlyList<IPerSampleGradients>? Jacobian { get; private set; }

    /// <summary>Runs the forward pass.</summary>
    /// <param name="objective">The loss.</param>
    /// <param name="labels">Labels; owned by the caller, who keeps them until this object is disposed.</param>
    /// <param name="perSampleGradients">Whether the pass is recorded for <see cref="Capture"/>.</param>
    /// <param name="forward">Computes the logits; called again when the losses or logits at other parameters are asked for.</param>
    /// <param name="randomness">Source of dropout masks, drawn anew as in the first pass when the pass is repeated; null where there is none.</param>
    /// <param name="recorder">Whose hooks record too; null where only layers of this library do.</param>
    /// <param name="allowsSingleSamples">Whether per-sample gradients may come from one backward pass for each sample where a layer did not record; else that is an error.</param>
    /// <param name="rowWeights">c, [N], greater than zero: a row counts as if it stood so often in the batch. Null for one each.</param>
    /// <returns>The evaluated batch; the caller disposes it.</returns>
    public static BatchEvaluation Run(
        IObjective objective, Tensor labels, bool perSampleGradients, Func<Tensor> forward, Generator? randomness = null, NetworkRecorder? recorder = null,
        bool allowsSingleSamples = false, Tensor? rowWeights = null)
    {
        var tape = perSampleGradients ? new GradientTape { Recorder = recorder, SampleCount = labels.shape[0] } : null;
        return Evaluate(objective, new WholeBatch(forward, labels.shape[0], tape, randomness, allowsSingleSamples), labels, rowWeights);
    }

    /// <summary>Runs the forward passes over a batch in micro-batches, to be repeated where gradients are asked for.</summary>
    /// <param name="objective">The loss.</param>
    /// <param name="labels">Labels of the whole batch; owned by the caller, who keeps them until this object is disposed.</param>
    /// <param name="forward">Computes the logits of the rows from one number on, as many as the other says, through layers that record themselves.</param>
    /// <param name="size">Rows of a micro-batch, at least 1; the last may have fewer.</param>
    /// <param name="randomness">Source of dropout masks; null where there is none.</param>
    /// <param name="rowWeights">As in <see cref="Run"/>.</param>
    /// <param name="mostKeptBytesOfRow">Most bytes of the gradient of a row with which all are kept rather than computed again; null for 1 GiB divided by the rows.</param>
    /// <returns>The evaluated batch; the caller disposes it.</returns>
    public static BatchEvaluation RunInParts(
        IObjective objective, Tensor labels, Func<long, long, Tensor> forward, long size, Generator? randomness = null, Tensor? rowWeights = null,
        long? mostKeptBytesOfRow = null)
    {
        var parts = new MicroBatches(forward, labels.shape[0], size, randomness, mostKeptBytesOfRow ?? (UsuallyKeptBytes / labels.shape[0]));
        return Evaluate(objective, parts, labels, rowWeights);
    }

    /// <summary>Runs a model over a batch, in micro-batches where it has more rows than one.</summary>
    /// <param name="model">The model.</param>
    /// <param name="objective">The loss.</param>
    /// <param name="batch">The batch, which must outlive the result.</param>
    /// <param name="perSampleGradients">Whether per-sample gradients will be asked for.</param>
    /// <param name="randomness">Source of dropout masks; null where there is none.</param>
    /// <param name="microBatchSize">Rows of a micro-batch, at least 1; null for no limit.</param>
    /// <param name="group">The processes that evaluate it together, each its <see cref="RowShare"/>; null for this one alone.</param>
    /// <param name="mostKeptBytes">Most bytes of per-sample gradients of all micro-batches of a process that are kept rather than computed again.</param>
    /// <returns>The evaluated batch; the caller disposes it.</returns>
    public static BatchEvaluation Of(
        ITrainableModel model, IObjective objective, LabeledBatch batch, bool perSampleGradients, Generator? randomness, int? microBatchSize,
        ProcessGroup? group = null, long mostKeptBytes = UsuallyKeptBytes)
    {
        var rows = batch.Input.SampleCount;
        if (group is null)
        {
            return RunRows(0, rows, batch.Labels, batch.Weights);
        }

        using var scope = NewDisposeScope();
        var share = group.Share(rows);
        var (first, own) = share.Count > 0 ? (share.Start, share.Count) : (0, 1);
        var labels = batch.Labels.narrow(0, first, own).DetachFromDisposeScope();
        var shard = new BatchShard(RunRows(first, own, labels, null), labels, group, rows);
        return Evaluate(objective, shard, batch.Labels, batch.Weights, group);

        // All processes in micro-batches or none, and all with rows kept or none, by the process with the most rows.
        BatchEvaluation RunRows(long start, long count, Tensor labelsOfRows, Tensor? weights) => microBatchSize < MostRows()
            ? RunInParts(objective, labelsOfRows, (part, length) => Forward(start + part, length), microBatchSize.Value, randomness, weights, mostKeptBytes / MostRows())
            : Run(objective, labelsOfRows, perSampleGradients, () => Forward(start, count), randomness, rowWeights: weights);

        long MostRows() => group is null ? rows : (rows + group.Size - 1) / group.Size;

        Tensor Forward(long start, long count)
        {
            if (count == rows)
            {
                return model.Forward(batch.Input);
            }

            using var window = RowWindow.Enter(start, count, rows);
            return model.Forward(batch.Input.Slice(start, count));
        }
    }

    private static BatchEvaluation Evaluate(IObjective objective, IBatchPasses passes, Tensor labels, Tensor? rowWeights, ProcessGroup? group = null)
    {
        try
        {
            return new BatchEvaluation(objective, passes, labels, rowWeights, group);
        }
        catch
        {
            passes.Dispose();
            throw;
        }
    }

    /// <summary>Computes the gradient of the mean loss by an ordinary backward pass; the graph is freed unless <see cref="KeepsGraph"/> is set.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="keepGraph">Whether another backward pass follows.</param>
    /// <returns>One gradient per parameter (zero where the loss does not depend on it); owned by the caller.</returns>
    public Tensor[] MeanGradient(IReadOnlyList<Tensor> parameters, bool keepGraph = false)
    {
        using var scope = NewDisposeScope();
        var seeds = Weights.Times(LogitGradients).Times(1.0 / Weights.Sum);
        return [.. PullBack(seeds, parameters, keepGraph).Select(gradient => gradient.MoveToOuterDisposeScope())];
    }

    /// <summary>Computes Σ_n (∂z_n/∂θ)ᵀ u_n by an ordinary backward pass.</summary>
    /// <param name="seeds">Cotangents u, shaped like the logits; converted to their type.</param>
    /// <param name="parameters">The parameters θ.</param>
    /// <param name="keepGraph">Whether another backward pass follows.</param>
    /// <returns>One tensor per parameter (zero where the logits do not depend on it); owned by the caller.</returns>
    public Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters, bool keepGraph = false) => _passes.PullBack(seeds, parameters, keepGraph);

    /// <summary>Runs the forward pass again with the parameters as they are now, outside the graph.</summary>
    /// <returns>The logits, shaped like <see cref="Logits"/>, float64; owned by the caller.</returns>
    public Tensor RepeatForward()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _passes.RepeatForward().to(ScalarType.Float64).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the losses of other logits against this batch's labels.</summary>
    /// <param name="logits">Shaped like <see cref="Logits"/>.</param>
    /// <returns>Losses, [N], float64; owned by the caller.</returns>
    public Tensor LossesAt(Tensor logits) => _objective.Losses(logits, _labels);

    /// <summary>Computes c_n H_n u with H_n = ∂²ℓ_n/∂z_n², the Fisher matrix of the predictive distribution, at the batch's logits.</summary>
    /// <param name="tangents">u, shaped like the logits.</param>
    /// <returns>c H u, shaped like the logits, float64; owned by the caller.</returns>
    public Tensor TimesHessian(Tensor tangents)
    {
        using var scope = NewDisposeScope();
        return Weights.Times(_objective.TimesHessian(Logits.detach(), _labels, tangents)).MoveToOuterDisposeScope();
    }

    /// <summary>Factors the Hessian of each sample's weighted loss c_n ℓ_n in its logits.</summary>
    /// <returns>S and its coefficients k with c H = S Sᵀ and c ∂ℓ/∂z = S k; the caller disposes it.</returns>
    public HessianFactor FactorHessian()
    {
        using var scope = NewDisposeScope();
        using var factor = _objective.FactorHessian(Logits.detach(), _labels);
        return new HessianFactor(
            Weights.TimesRoots(factor.Columns.transpose(0, 1)).transpose(0, 1).clone(), factor.Coefficients.mul(Weights.Roots));
    }

    /// <summary>Scales each sample's logit gradient to unit length.</summary>
    /// <returns>∂ℓ_n/∂z_n / √s_n, zero where s_n is at most 1E-30; shaped like the logits, float64; owned by the caller.</returns>
    public Tensor UnitLogitGradients()
    {
        using var scope = NewDisposeScope();
        var alive = SquaredNorms.gt(SquaredNorms.FilledWith(SmallestSquaredNorm));
        var inverse = SquaredNorms.where(alive, ones_like(SquaredNorms)).rsqrt().mul(alive); // 1/√s, [N]
        return LogitGradients.flatten(1).mul(inverse.unsqueeze(1)).view_as(LogitGradients).MoveToOuterDisposeScope();
    }

    /// <summary>Captures <see cref="Jacobian"/>, one backward pass for each logit of a sample, which later captures share instead of taking their own pass.</summary>
    /// <param name="mostBytes">Most memory it may take; with more nothing is done, nor where the tape missed a trained parameter.</param>
    public void ShareJacobian(long mostBytes) => Jacobian = _passes.ShareJacobian(mostBytes);

    /// <summary>Does without what the layers recorded where it disagrees with ordinary backward passes.</summary>
    /// <remarks>
    /// It does where samples influence each other (batch statistics, another order of dimensions), and where a parameter is used outside
    /// the layers that record. Costs three backward passes for a structure that is not known yet.
    /// </remarks>
    /// <param name="known">Whether records of a structure agree; what is found is added.</param>
    public void CheckRecords(IDictionary<string, bool> known) => (_passes as WholeBatch)?.CheckRecords(known);

    /// <summary>Captures per-sample gradients of seeded logits: from <see cref="Jacobian"/>, from the tape, or sample by sample where it missed a trained parameter.</summary>
    /// <param name="seeds">Cotangents, shaped like the logits; converted to their type.</param>
    /// <param name="keepGraph">Whether another capture follows.</param>
    /// <returns>The captured gradients; the caller disposes them before this object.</returns>
    /// <exception cref="InvalidOperationException">
    /// The pass was not recorded, or a layer did not record a trained parameter and single samples are not allowed.
    /// </exception>
    public CapturedGradients Capture(Tensor seeds, bool keepGraph = false) => _passes is WholeBatch whole
        ? whole.Capture(seeds, keepGraph) : throw new InvalidOperationException("There is no capture of a whole batch where it is in parts.");

    /// <summary>Gives the per-sample gradients of seeded logits: those of <see cref="Capture(Tensor, bool)"/>, or those of the micro-batches.</summary>
    /// <remarks>The rows of all micro-batches are kept where they take at most 1 GiB, and computed again where they do not.</remarks>
    /// <param name="seeds">Cotangents, shaped like the logits; converted to their type.</param>
    /// <param name="keepGraph">Whether another pass follows.</param>
    /// <returns>The gradients; the caller disposes them before this object.</returns>
    /// <exception cref="InvalidOperationException">As for <see cref="Capture(Tensor, bool)"/>.</exception>
    public IPerSampleGradients PerSample(Tensor seeds, bool keepGraph = false) => _passes.PerSample(seeds, keepGraph);

    /// <summary>Shows what layers recorded, micro-batch by micro-batch, each of which is gone afterwards; all at once for a whole batch.</summary>
    /// <remarks>Of the rows that this process evaluates: what is added up goes through <see cref="AllReduce"/> afterwards.</remarks>
    /// <param name="seeds">Cotangents, shaped like the logits; converted to their type.</param>
    /// <param name="keepGraph">Whether another pass follows.</param>
    /// <param name="use">Takes a capture, and which rows of the batch it is of.</param>
    public void ForEachCapture(Tensor seeds, bool keepGraph, Action<CapturedGradients, ForwardPart> use) => _passes.ForEachCapture(seeds, keepGraph, use);

    /// <summary>Adds up over the processes, if there are several, what each has added up over its captures.</summary>
    /// <param name="sums">The sums; changed in place.</param>
    public void AllReduce(IEnumerable<Tensor> sums) => _passes.AllReduce(sums);

    /// <summary>The weights of the rows of a capture, as a part of those of the batch.</summary>
    /// <param name="part">The capture's rows.</param>
    /// <returns>Views, or zeros for a row that does not count; the caller disposes them.</returns>
    public RowWeights WeightsOf(ForwardPart part) => _passes is { IsEmpty: true } ? Weights.OfNothing() : Weights.Of(part.Start, part.Count);

    /// <summary>Computes the logit gradients for labels drawn from the model's own distribution.</summary>
    /// <param name="generator">Source of randomness.</param>
    /// <returns>Shaped like the logits, float64; owned by the caller.</returns>
    public Tensor SampledLogitGradients(Generator generator)
    {
        using var scope = NewDisposeScope();
        var detached = Logits.detach();
        var labels = _objective.SampleLabels(detached, _labels, generator);
        return _objective.LogitGradients(detached, labels).MoveToOuterDisposeScope();
    }

    /// <summary>Counts the samples predicted right.</summary>
    /// <returns>A number from 0 to N; null where labels are no classes.</returns>
    public long? CountCorrect()
    {
        using var right = _objective.FindCorrect(Logits, _labels);
        using var sum = right?.sum();
        return sum?.item<long>();
    }

    /// <summary>Counts the samples predicted right, each as often as it counts.</summary>
    /// <returns>A number from 0 to the sum of the weights; null where labels are no classes.</returns>
    public double? WeighCorrect()
    {
        using var right = _objective.FindCorrect(Logits, _labels);
        return right is null ? null : Weights.SumOver(right);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Logits.Dispose();
        Losses.Dispose();
        LogitGradients.Dispose();
        SquaredNorms.Dispose();
        Weights.Dispose();
        _passes.Dispose();
    }
}
