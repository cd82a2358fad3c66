using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Encoders as commands name them: MiniLM, BgeSmall or, as BgeSmall:8, the first layers of one.</summary>
internal static class EncoderNames
{
    /// <summary>Finds an encoder by its name.</summary>
    /// <param name="name">The name.</param>
    public static PretrainedModel Parse(string name) => name.Split(':') is [var whole, var layers]
        ? Parse(whole) with { Layers = int.Parse(layers, CultureInfo.InvariantCulture) }
        : name switch
        {
            "MiniLM" => PretrainedModel.MiniLM,
            "BgeSmall" => PretrainedModel.BgeSmall,
            _ => throw new ArgumentException($"There is no encoder '{name}' here. Take MiniLM, BgeSmall or, as BgeSmall:8, the first layers of one.", nameof(name)),
        };
}
