namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What transformers' classes of an architecture begin with.</summary>
internal static class EncoderClassNames
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.Ordinal)
    {
        ["bert"] = "Bert",
        ["electra"] = "Electra",
        ["roberta"] = "Roberta",
        ["xlm-roberta"] = "XLMRoberta",
        ["distilbert"] = "DistilBert",
        ["deberta-v2"] = "DebertaV2",
        ["modernbert"] = "ModernBert",
        ["t5"] = "T5",
        ["vit"] = "ViT",
        ["deit"] = "DeiT",
        ["dinov2"] = "Dinov2",
    };

    /// <summary>What transformers calls the classes of an architecture.</summary>
    /// <param name="modelType">The architecture, for example <c>bert</c>.</param>
    /// <returns>For example <c>Bert</c>; null for an architecture that is not known.</returns>
    public static string? Of(string modelType) => Known.GetValueOrDefault(modelType);
}
