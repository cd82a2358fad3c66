using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>The weights of a network of TorchSharp's own layers.</summary>
internal static class NetworkWeights
{
    /// <summary>All weights in one row.</summary>
    public static Tensor Flat(nn.Module network) => cat([.. network.parameters().Select(parameter => parameter.detach().flatten())]);

    /// <summary>Gives a network the weights of another of the same layers.</summary>
    public static void Copy(nn.Module from, nn.Module to)
    {
        using var noGrad = no_grad();
        foreach (var (source, target) in from.parameters().Zip(to.parameters()))
        {
            target.copy_(source);
        }
    }
}
