using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>Initial weights of networks that are trained from scratch.</summary>
internal static class RandomWeights
{
    private const double Deviation = 0.02;

    /// <summary>Draws the weights of a transformer: normal with deviation 0.02; biases stay 0 and scales 1, as layers are created.</summary>
    /// <remarks>
    /// The deviation is that of the reference implementations, which cut the normal distribution off at values so far out (100 deviations) that
    /// it makes no difference.
    /// </remarks>
    /// <param name="encoder">The encoder; changed.</param>
    /// <param name="generator">Source of the weights.</param>
    public static void FillTransformer(ImageEncoder encoder, Generator generator)
    {
        using var noGrad = no_grad();
        foreach (var (_, module) in encoder.named_modules())
        {
            foreach (var (name, parameter) in module.named_parameters(recurse: false))
            {
                if (module is ImageEmbeddings || (module is LinearLayer or PatchProjection && name == "weight"))
                {
                    parameter.normal_(0, Deviation, generator);
                }
            }
        }
    }

    /// <summary>Draws the weights and biases of a linear layer, uniform in ±1/√I.</summary>
    /// <remarks>The bound keeps the variance of activations from growing; what torch does for a linear layer.</remarks>
    /// <param name="layer">The layer, of I inputs; changed.</param>
    /// <param name="generator">Source of the weights.</param>
    /// <returns>The layer.</returns>
    public static LinearLayer FillUniform(LinearLayer layer, Generator generator)
    {
        using var noGrad = no_grad();
        var bound = 1 / Math.Sqrt(layer.InputSize);
        foreach (var parameter in layer.parameters())
        {
            parameter.uniform_(-bound, bound, generator);
        }

        return layer;
    }
}
