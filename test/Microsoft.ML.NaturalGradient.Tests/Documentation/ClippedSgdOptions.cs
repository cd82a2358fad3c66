using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

#region Clipped SGD options
/// <summary>SGD whose per-sample gradients are clipped before they are averaged, as in DP-SGD (Abadi et al., CCS 2016), without its noise.</summary>
public sealed record ClippedSgdOptions : CustomOptimizerOptions
{
    public double ClipNorm { get; init; } = 1;

    public override string MethodName => "Clipped SGD";

    protected override double MethodLearningRate(int classCount) => 0.5;

    protected override void CheckSettings() => Require(ClipNorm > 0, nameof(ClipNorm), ClipNorm, "Use a positive number.");

    protected override UpdateRule CreateRule(IReadOnlyList<Parameter> parameters, long seed) => new ClippedSgd(parameters, this);
}
#endregion
