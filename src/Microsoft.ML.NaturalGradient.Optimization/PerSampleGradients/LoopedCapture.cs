using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>Per-sample gradients of any network, by one backward pass for each sample through the graph of one forward pass.</summary>
/// <remarks>For networks whose layers do not record on a <see cref="GradientTape"/>. Costs N backward passes and holds all of J, N·P numbers.</remarks>
internal static class LoopedCapture
{
    /// <summary>Captures the gradients.</summary>
    /// <param name="logits">The logits of the forward pass, in the graph, [N, ...].</param>
    /// <param name="seeds">What to send back: one cotangent per sample, shaped and typed like <paramref name="logits"/>.</param>
    /// <param name="parameters">By what to differentiate; one that the logits do not depend on is left out of the result.</param>
    /// <param name="keepGraph">Whether another pass through the same graph follows.</param>
    /// <returns>The captured gradients; the caller disposes them.</returns>
    /// <exception cref="InvalidOperationException">The logits depend on none of the parameters.</exception>
    public static CapturedGradients Run(Tensor logits, Tensor seeds, IReadOnlyList<Parameter> parameters, bool keepGraph)
    {
        using var scope = NewDisposeScope();
        var samples = logits.shape[0];
        var gradients = new Tensor?[parameters.Count]; // [N, shape of the parameter] each, [N, 1] for one without dimensions
        for (var n = 0L; n < samples; n++)
        {
            using var sampleScope = NewDisposeScope();
            var seed = zeros_like(seeds);
            seed.narrow(0, n, 1).copy_(seeds.narrow(0, n, 1));
            autograd.backward([logits], [seed], keepGraph || n + 1 < samples, false, [.. parameters]);
            for (var i = 0; i < gradients.Length; i++)
            {
                if (parameters[i].grad is { } gradient)
                {
                    gradients[i] ??= zeros([samples, .. gradient.dim() > 0 ? gradient.shape : [1L]], gradient.WideType(), gradient.device).MoveToOuterDisposeScope();
                    gradients[i]!.select(0, n).copy_(gradient.detach());
                    parameters[i].grad = null;
                }
            }
        }

        // What is expanded over the batch has the output's gradient as its own: the rule to carry gradients that are known already.
        return gradients.Any(gradient => gradient is not null)
            ? new CapturedGradients([.. parameters.Zip(gradients).Where(pair => pair.Second is not null).Select(
                pair => ((ParameterUse)new BroadcastUse(pair.First, "parameters that no layer recorded"), pair.Second!.DetachFromDisposeScope()))])
            : throw new InvalidOperationException(
                "The output depends on none of the trainable parameters. Run the forward pass with grad mode on, through these parameters.");
    }
}
