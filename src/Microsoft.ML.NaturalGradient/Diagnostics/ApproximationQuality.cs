using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Diagnostics;

/// <summary>Measures update directions against the exact Fisher matrix of a batch.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, algorithm 4, with Jz d from a central difference. A batch costs one recorded forward and backward pass, and each
/// method its own direction and two forward passes.
/// </remarks>
internal sealed class ApproximationQuality
{
    private static readonly Scalar Zero = 0.0;

    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly IReadOnlyList<OptimizerOptions> _methods;
    private readonly long _seed;
    private long _measured;

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
            if (optimizer is not IUpdateDirection)
            {
                throw new ArgumentException(
                    $"{method.Name} has no direction of a single batch whose quality could be measured. Leave it out of QualityProbe.Directions.", nameof(probe));
            }
        }
    }

    /// <summary>Measures a batch of a model with dropout off; the model is in training afterwards.</summary>
    /// <param name="model">The model.</param>
    /// <param name="objective">The loss.</param>
    /// <param name="batch">The batch.</param>
    /// <returns>What was found.</returns>
    public QualityReport Measure(ITrainableModel model, IObjective objective, LabeledBatch batch)
    {
        using var scope = NewDisposeScope();
        model.SetTraining(false);
        try
        {
            using var evaluation = BatchEvaluation.Run(objective, batch.Labels, true, () => model.Forward(batch.Input));
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
        using var captured = batch.Capture(batch.LogitGradients);
        var gram = captured.Gram(); // [N, N]
        var norms = gram.diagonal().clamp_min(Zero).sqrt(); // ‖g_n‖, [N]
        var gradient = captured.Combine(ones_like(norms)); // g
        var products = new FisherProducts(batch, _parameters);
        var sgd = products.Along(gradient).Gamma;
        var seed = _seed + _measured++;
        var found = new List<DirectionQuality>();
        foreach (var method in _methods)
        {
            using var methodScope = NewDisposeScope();
            found.Add(Quality(method, Direction(method, batch, gradient, seed), products, captured, norms, sgd));
        }

        return new QualityReport
        {
            SgdGamma = sgd,
            Directions = found,
            GradientNormSpread = norms.max().item<double>() / norms.min().item<double>(),
            GramSpectrum = [.. linalg.eigvalsh(gram).flip(0).cpu().data<double>()],
        };
    }

    private Dictionary<IntPtr, Tensor> Direction(OptimizerOptions method, BatchEvaluation batch, Dictionary<IntPtr, Tensor> gradient, long seed)
    {
        if (method is SgdOptions)
        {
            return gradient;
        }

        using var optimizer = method.Create(_parameters, seed);
        return ((IUpdateDirection)optimizer).Direction(batch);
    }

    private DirectionQuality Quality(
        OptimizerOptions method, Dictionary<IntPtr, Tensor> direction, FisherProducts products, CapturedGradients captured, Tensor norms, double sgd)
    {
        var gamma = products.Along(direction).Gamma;
        var changes = captured.Dot(direction); // d·g_n, [N]
        var projections = changes.div(norms.where(norms.gt(Zero), ones_like(norms)));
        return new DirectionQuality
        {
            Method = method.Name,
            Damping = (method as GramOptimizerOptions)?.Damping,
            Gamma = gamma,
            RatioToSgd = gamma / sgd,
            Norm = _parameters.Select(parameter => direction[parameter.Handle]).Norm(),
            Projections = [.. projections.cpu().data<double>()],
        };
    }
}
