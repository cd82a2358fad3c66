using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>One evaluated batch, and the gradients that an <see cref="UpdateRule"/> may ask of it.</summary>
/// <remarks>
/// Valid during one call of <see cref="UpdateRule.Direction"/>. The library owns all tensors it gives out and disposes them after the step;
/// the batch's own (<see cref="Logits"/> to <see cref="RowWeights"/>) are not to be modified. Every call that computes gradients costs
/// a backward pass; they may come in any order and number, since the graph is kept until the step ends.
/// </remarks>
public sealed class StepContext
{
    private readonly BatchEvaluation _batch;
    private readonly bool _recorded;
    private readonly Action<IPerSampleGradients> _checkCoverage;
    private readonly List<IPerSampleGradients> _captures = [];
    private Tensor? _logits;
    private bool _ended;

    internal StepContext(BatchEvaluation batch, IReadOnlyList<Parameter> parameters, bool recorded, Action<IPerSampleGradients> checkCoverage)
    {
        _batch = batch;
        _recorded = recorded;
        _checkCoverage = checkCoverage;
        Parameters = parameters;
    }

    /// <summary>The parameters θ.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Samples N of the batch.</summary>
    public long SampleCount => Batch.SampleCount;

    /// <summary>Logits z outside the graph, [N, ...], in the model's type.</summary>
    public Tensor Logits => _logits ??= Batch.Logits.detach();

    /// <summary>Each sample's loss ℓ_n, [N], float64.</summary>
    public Tensor Losses => Batch.Losses;

    /// <summary>∂ℓ_n/∂z_n, shaped like the logits, float64.</summary>
    public Tensor LogitGradients => Batch.LogitGradients;

    /// <summary>s_n = ‖∂ℓ_n/∂z_n‖², [N], float64.</summary>
    public Tensor SquaredNorms => Batch.SquaredNorms;

    /// <summary>How often each row counts, c_n greater than zero, [N], float64; ones where the caller gave no weights.</summary>
    /// <remarks><see cref="MeanGradient"/> heeds them; the rows of <see cref="SampleGradients()"/> are those of the plain losses.</remarks>
    public Tensor RowWeights => Batch.Weights.Values;

    private BatchEvaluation Batch
    {
        get
        {
            ThrowIfEnded();
            return _batch;
        }
    }

    /// <summary>Computes the gradient of the mean loss Σ c_n ℓ_n / Σ c_n by one backward pass.</summary>
    /// <returns>One tensor shaped like each parameter, in their order.</returns>
    public Tensor[] MeanGradient() => Batch.MeanGradient(Parameters);

    /// <summary>Computes the gradients g_n of the samples' own losses, which are never divided by N.</summary>
    /// <returns>The rows g_n.</returns>
    /// <exception cref="InvalidOperationException"><see cref="UpdateRule.NeedsSampleGradients"/> is not set, or a parameter leaves no record.</exception>
    public SampleGradients SampleGradients() => SampleGradients(Batch.LogitGradients);

    /// <summary>Computes ĝ_n = g_n/√s_n, the rows of iEF, from logit gradients of unit length; zero where s_n is at most 1E-30.</summary>
    /// <returns>The rows ĝ_n.</returns>
    /// <exception cref="InvalidOperationException"><see cref="UpdateRule.NeedsSampleGradients"/> is not set, or a parameter leaves no record.</exception>
    public SampleGradients UnitSampleGradients() => SampleGradients(Batch.UnitLogitGradients());

    /// <summary>Computes (∂z_n/∂θ)ᵀ u_n for cotangents of your own, as for labels drawn from the model.</summary>
    /// <param name="seeds">u, shaped like the logits; converted to their type; not modified.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="ArgumentException">The seeds do not fit the logits.</exception>
    /// <exception cref="InvalidOperationException"><see cref="UpdateRule.NeedsSampleGradients"/> is not set, or a parameter leaves no record.</exception>
    public SampleGradients SampleGradients(Tensor seeds)
    {
        TensorCheck.Fits(seeds, Batch.Logits.shape, Batch.Logits, nameof(seeds));
        if (!_recorded)
        {
            throw new InvalidOperationException("The forward pass was not recorded for per-sample gradients. Let NeedsSampleGradients return true.");
        }

        var captured = Batch.PerSample(seeds);
        _captures.Add(captured);
        _checkCoverage(captured);
        return new SampleGradients(this, captured);
    }

    /// <summary>Ends the step: nothing can be asked any more.</summary>
    internal void End()
    {
        _ended = true;
        _captures.ForEach(captured => captured.Dispose());
    }

    internal void ThrowIfEnded()
    {
        if (_ended)
        {
            throw new InvalidOperationException("The step is over. Use what belongs to a step inside of Direction only, and keep copies of what you need later.");
        }
    }
}
