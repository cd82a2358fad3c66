using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Encoders as commands name them: MiniLM, BgeSmall or, as BgeSmall:8, the first layers of one.</summary>
internal static class EncoderNames
{
    /// <summary>Finds an encoder by its name.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="UsageException">There is none.</exception>
    public static PretrainedModel Parse(string name) => name.Split(':', 2) switch
    {
        [var whole, var layers] => Parse(whole) with { Layers = CommandOptions.Count(name, layers) },
        ["MiniLM"] => PretrainedModel.MiniLM,
        ["BgeSmall"] => PretrainedModel.BgeSmall,
        _ => throw new UsageException($"There is no encoder \"{name}\" here. Take MiniLM, BgeSmall or, as BgeSmall:8, the first layers of one."),
    };
}
