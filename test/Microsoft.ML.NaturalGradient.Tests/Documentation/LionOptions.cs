using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

#region Lion options
/// <summary>Lion: the sign of a running average of gradients. Chen et al., NeurIPS 2023, algorithm 2.</summary>
public sealed record LionOptions : CustomOptimizerOptions
{
    public double Beta1 { get; init; } = 0.9;

    public double Beta2 { get; init; } = 0.99;

    public override string MethodName => "Lion";

    protected override double MethodLearningRate(int classCount) => 1e-3;

    protected override void CheckSettings()
    {
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "Use a number from 0 up to, but not including, 1.");
        Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "Use a number from 0 up to, but not including, 1.");
    }

    protected override UpdateRule CreateRule(IReadOnlyList<Parameter> parameters, long seed) => new Lion(parameters, this);
}
#endregion
