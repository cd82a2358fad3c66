using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>Marks parameters of a frozen encoder for training.</summary>
internal static class EncoderParameters
{
    /// <summary>Marks every parameter of a module.</summary>
    /// <param name="module">The encoder or a part of it.</param>
    public static void Train(nn.Module module)
    {
        foreach (var parameter in module.parameters())
        {
            parameter.requires_grad = true;
        }
    }

    /// <summary>Marks the biases of linear and normalisation layers.</summary>
    /// <param name="module">The encoder or a part of it.</param>
    /// <returns>Whether there is any.</returns>
    public static bool TrainBiases(nn.Module module)
    {
        var found = false;
        foreach (var (name, parameter) in module.named_parameters())
        {
            if (name == "bias" || name.EndsWith(".bias", StringComparison.Ordinal))
            {
                parameter.requires_grad = found = true;
            }
        }

        return found;
    }
}
