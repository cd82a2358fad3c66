using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Diagnostics;

/// <summary>Measures update directions against the exact Fisher matrix of a batch.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, algorithm 4. Where a sample has few logits and the memory suffices, a batch costs one recorded forward pass and a
/// backward pass for each logit of a sample: they give Jz, from which come Jz d and every per-sample gradient that a method asks for. Otherwise
/// a batch costs one backward pass, and each method its own direction and two forward passes, for Jz d by a central difference.
/// </remarks>
internal sealed class ApproximationQuality
{
    private const int PassesOfADirection = 3; // two forward passes and at least one backward pass

    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly IReadOnlyList<OptimizerOptions> _methods;
    private readonly long _seed;
    private readonly bool _readsLayerInputs;

    /// <summary>Batches measured; what the seeds of methods that draw depend on.</summary>
    public long Measured { get; set; }

    /// <summary>Prepares the measurement.</summary>
    /// <param name="parameters">The trained parameters; owned by the model.</param>
    /// <param name="probe">What to measure.</param>
    /// <param name="seed">Seed of the methods that draw; each batch gets other numbers.</param>
    /// <exception cref="ArgumentException">A method has no direction of a single batch.</exception>
    public ApproximationQuality(IReadOnlyList<Parameter> parameters, QualityProbe probe, long seed)
    {
        (_parameters, _methods, _seed) = (parameters, probe.AllDirections, seed);
        foreach (var method in _methods.Where(method => method is not SgdOptions))
        {
            using var optimizer = method.Create(parameters, seed);
            _readsLayerInputs |= optimizer.ReadsLayerInputs;
            if (optimizer is not IUpdateDirection)
            {
                throw new ArgumentException(
                    $"{method.Name} has no direction of a single batch whose quality could be measured. Leave it out of QualityProbe.Directions.", nameof(probe));
            }
        }
    }

    /// <summary>Most memory for what the methods share; 0 makes each take its own passes.</summary>
    public long MostSharedBytes { get; init; } = 1L << 30;

    /// <summary>Measures a batch of a model with dropout off; the model is in training afterwards.</summary>
    /// <param name="model">The model.</param>
    /// <param name="objective">The loss.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="microBatchSize">Most rows in memory at a time; null for all.</param>
    /// <param name="group">The processes that evaluate it together; null for this one alone.</param>
    /// <returns>What was found.</returns>
    public QualityReport Measure(ITrainableModel model, IObjective objective, LabeledBatch batch, int? microBatchSize = null, ProcessGroup? group = null)
    {
        using var scope = NewDisposeScope();
        using var padded = PackedRows.Forbid(_readsLayerInputs);
        model.SetTraining(false);
        try
        {
            using var evaluation = BatchEvaluation.Of(model, objective, batch, true, null, microBatchSize, group);
            return Measure(evaluation);
        }
        finally
        {
            model.SetTraining(true);
        }
    }

    /// <summary>Measures an evaluated batch.</summary>
    /// <param name="batch">The batch, recorded for per-sample gradients; its graph is kept.</param>
    /// <returns>What was found.</returns>
    public QualityReport Measure(BatchEvaluation batch)
    {
        using var scope = NewDisposeScope();
        batch.KeepsGraph = true;
        batch.Trained = _parameters;
        if (batch.Logits.numel() <= PassesOfADirection * (_methods.Count + 1) * batch.SampleCount)
        {
            batch.ShareJacobian(MostSharedBytes);
        }

        using var captured = batch.PerSample(batch.LogitGradients);
        var gram = captured.Gram(); // [N, N]
        var norms = gram.diagonal().AtLeast(0.0).sqrt(); // ‖g_n‖, [N]
        var gradient = captured.Combine(batch.Weights.Values); // g
        var products = new FisherProducts(batch, _parameters);
        Func<ParameterVector, DirectionalDerivatives> along = batch.Jacobian is null ? products.Along : products.ExactlyAlong;
        var sgd = along(gradient).Gamma;
        var seed = _seed + Measured++;
        var found = new List<DirectionQuality>();
        foreach (var method in _methods)
        {
            using var methodScope = NewDisposeScope();
            var direction = Direction(method, batch, gradient, seed);
            found.Add(Quality(method, direction, along(direction).Gamma, captured, norms, sgd));
        }

        return new QualityReport
        {
            SgdGamma = sgd,
            Directions = found,
            GradientNormSpread = norms.max().item<double>() / norms.min().item<double>(),
            GramSpectrum = [.. linalg.eigvalsh(gram).flip(0).cpu().data<double>()],
        };
    }

    private ParameterVector Direction(OptimizerOptions method, BatchEvaluation batch, ParameterVector gradient, long seed)
    {
        if (method is SgdOptions)
        {
            return gradient;
        }

        using var optimizer = method.Build(_parameters, seed); // with its own groups, not those of the optimizer that trains
        return ((IUpdateDirection)optimizer).Direction(batch);
    }

    private DirectionQuality Quality(
        OptimizerOptions method, ParameterVector direction, double gamma, IPerSampleGradients captured, Tensor norms, double sgd)
    {
        var changes = captured.Dot(direction); // d·g_n, [N]
        var projections = changes.div(norms.where(norms.GreaterThan(0.0), ones_like(norms)));
        return new DirectionQuality
        {
            Method = method.Name,
            Damping = method switch
            {
                NaturalGradientOptions gram => gram.Damping,
                KroneckerOptions kronecker => kronecker.Damping,
                AdaFisherOptions adaFisher => adaFisher.ResolvedDamping,
                _ => null,
            },
            Optimizer = method,
            Gamma = gamma,
            RatioToSgd = gamma / sgd,
            Norm = _parameters.Select(parameter => direction[parameter]).Norm(),
            Projections = [.. projections.cpu().data<double>()],
        };
    }
}
