using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Ways from one vector per token to one per sequence.</summary>
internal static class Pooling
{
    /// <summary>The mean over the tokens that are not padding, special tokens included.</summary>
    /// <param name="hidden">[N, T, D].</param>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T].</param>
    /// <returns>[N, D].</returns>
    public static Tensor Mean(Tensor hidden, Tensor mask)
    {
        var weights = mask.to(hidden.dtype).unsqueeze(-1); // [N, T, 1]
        return hidden.mul(weights).sum(1).div(weights.sum(1));
    }
}
