using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

#region Clipped SGD rule
/// <summary>d = (1/N) Σ_n g_n · min(1, c/‖g_n‖). No state.</summary>
internal sealed class ClippedSgd(IReadOnlyList<Parameter> parameters, ClippedSgdOptions options) : UpdateRule(parameters)
{
    public override bool NeedsSampleGradients => true;

    protected override IReadOnlyList<Tensor> Direction(StepContext batch)
    {
        using Scalar most = 1.0;
        using Scalar clip = options.ClipNorm;
        using Scalar count = (double)batch.SampleCount;
        var gradients = batch.SampleGradients();
        var norms = gradients.Gram().diagonal().sqrt(); // ‖g_n‖, [N]
        var factors = norms.reciprocal().mul(clip).clamp_max(most); // min(1, c/‖g_n‖), [N]
        return gradients.Combine(factors.div(count));
    }
}
#endregion
