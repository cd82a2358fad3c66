using System.IO.Enumeration;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Weights in Python pickles, which are never read.</summary>
internal static class PickleWeights
{
    private static readonly string[] Patterns = ["pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl"];

    /// <summary>Finds a pickle of weights.</summary>
    /// <param name="names">File names without a folder.</param>
    /// <returns>The first, by the order of the patterns and then of the names; null if there is none.</returns>
    public static string? Find(IEnumerable<string> names)
    {
        var sorted = names.Order(StringComparer.Ordinal).ToArray();
        return Patterns.SelectMany(pattern => sorted.Where(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)))
            .FirstOrDefault();
    }

    /// <summary>The error for a model that has no other weights.</summary>
    /// <param name="model">The model, in words.</param>
    /// <param name="pickle">The pickle's name.</param>
    /// <param name="arguments">What Python's <c>from_pretrained</c> takes for this model.</param>
    /// <param name="folder">Where to convert it to.</param>
    public static NotSupportedException Refusal(string model, string pickle, string arguments, string folder) => new(
        $"The weights of {model} are in '{pickle}', a Python pickle. Reading a pickle can run any code that its author put there, so "
        + $"only {CheckpointFiles.WeightsName} is read. Convert it, if you trust it, with Python once: from transformers import AutoModel; "
        + $"AutoModel.from_pretrained({arguments}).save_pretrained(r'{folder}', safe_serialization=True).");
}
