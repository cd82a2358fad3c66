using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>ieKFAC: eKFAC with every sample's errors divided by the squared norm of its logit gradient, as iEF does.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, App. D.1, eq. (43).
/// The default learning rate 0.1 is ours: best of those tried for a sentence encoder with LoRA (docs/replication.md).
/// </remarks>
public sealed record IekfacOptions : KroneckerOptions
{
    internal override string Name => "ieKFAC";

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new ImprovedEmpiricalKfac(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 0.1;
}
