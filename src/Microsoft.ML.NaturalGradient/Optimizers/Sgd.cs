using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Stochastic gradient descent with heavy-ball momentum on the mean loss.</summary>
/// <remarks>g ← g + κθ; m ← μm + g; θ ← θ − ηm. Sutskever et al., ICML 2013, in the form PyTorch uses. State P with momentum.</remarks>
internal sealed class Sgd : Optimizer
{
    private readonly SgdOptions _options;
    private readonly Tensor[]? _momentum;

    public Sgd(IReadOnlyList<Parameter> parameters, SgdOptions options)
        : base(parameters)
    {
        _options = options;
        _momentum = options.Momentum > 0 ? TrackLikeParameters("momentum") : null;
    }

    /// <inheritdoc/>
    public override bool NeedsPerSampleGradients => false;

    private protected override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        Update(batch.MeanGradient(Parameters), learningRate);
        return StepDiagnostics.None;
    }

    /// <summary>Applies one step for given gradients.</summary>
    internal void Update(IReadOnlyList<Tensor> gradients, double learningRate)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < Parameters.Count; i++)
        {
            var direction = _options.WeightDecay > 0
                ? gradients[i].Plus(Parameters[i].Times(_options.WeightDecay))
                : gradients[i];
            if (_momentum is not null)
            {
                _momentum[i].ScaleInPlace(_options.Momentum);
                _momentum[i].AddInPlace(direction);
                direction = _momentum[i];
            }

            Parameters[i].AddInPlace(direction, -learningRate);
        }
    }
}
