using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>What the layers of a NAS-BERT network read besides the vectors: which tokens are padding.</summary>
/// <param name="attentionMask">Hides padding from attention, [N, 1, 1, T]; null where there is none.</param>
/// <param name="tokens">One for tokens and zero for padding, [N, T, 1], of the type of the vectors; null where there is no padding.</param>
internal sealed class NasBertContext(Tensor? attentionMask, Tensor? tokens)
{
    /// <summary>Hides padding from attention.</summary>
    public Tensor? AttentionMask { get; } = attentionMask;

    /// <summary>Makes vectors of padding zero, so that convolutions read nothing beyond a row's end.</summary>
    /// <param name="states">[N, T, D].</param>
    /// <returns>[N, T, D].</returns>
    public Tensor WithoutPadding(Tensor states) => tokens is null ? states : states.mul(tokens);
}
