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
}
