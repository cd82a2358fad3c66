using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

#region Lion rule
/// <summary>d = sign(β₁m + (1 − β₁)g), m ← β₂m + (1 − β₂)g with g the gradient of the mean loss. State P.</summary>
internal sealed class Lion : UpdateRule
{
    private readonly LionOptions _options;
    private readonly Tensor[] _means;

    public Lion(IReadOnlyList<Parameter> parameters, LionOptions options)
        : base(parameters)
    {
        _options = options;
        _means = TrackLikeParameters("mean");
    }

    protected override IReadOnlyList<Tensor> Direction(StepContext batch)
    {
        using Scalar look = 1 - _options.Beta1;
        using Scalar keep = 1 - _options.Beta2;
        var direction = batch.MeanGradient();
        for (var i = 0; i < direction.Length; i++)
        {
            var change = direction[i].sub(_means[i]); // g − m
            direction[i] = _means[i].add(change, look).sign();
            _means[i].add_(change, keep);
        }

        return direction;
    }
}
#endregion
