namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The tokenizers of one architecture, as <c>tokenizer_class</c> names them.</summary>
/// <param name="Name">The class without <c>Tokenizer</c> and <c>TokenizerFast</c>.</param>
/// <param name="Models">Kinds of model that its <c>tokenizer.json</c> may hold; empty if any.</param>
/// <param name="HasTypeIds">Whether its encoder tells the two texts of a pair apart.</param>
/// <param name="IsKnown">Whether this library knows it.</param>
internal sealed record TokenizerFamily(string Name, IReadOnlyList<string> Models, bool HasTypeIds = true, bool IsKnown = true)
{
    private static readonly string[] WordPiece = ["WordPiece"];
    private static readonly string[] BytePair = ["BPE"];
    private static readonly string[] Unigram = ["Unigram"];

    private static readonly TokenizerFamily[] Known =
    [
        new("Bert", WordPiece),
        new("DistilBert", WordPiece, HasTypeIds: false),
        new("Electra", WordPiece),
        new("MobileBert", WordPiece),
        new("ConvBert", WordPiece),
        new("SqueezeBert", WordPiece),
        new("LayoutLM", WordPiece),
        new("Lxmert", WordPiece),
        new("RetriBert", WordPiece),
        new("DPRQuestionEncoder", WordPiece),
        new("DPRContextEncoder", WordPiece),
        new("MPNet", WordPiece, HasTypeIds: false),
        new("Roberta", BytePair, HasTypeIds: false),
        new("GPT2", BytePair, HasTypeIds: false),
        new("T5", Unigram, HasTypeIds: false),
        new("MT5", Unigram, HasTypeIds: false),
        new("Albert", Unigram),
        new("XLMRoberta", Unigram, HasTypeIds: false),
        new("Camembert", Unigram, HasTypeIds: false),
        new("DebertaV2", Unigram),
        new("NasBert", BytePair, HasTypeIds: false),
        new("EnglishRoberta", BytePair),
        new("PreTrained", []),
    ];

    /// <summary>Names of the known families, as class names.</summary>
    public static string KnownClasses => string.Join(", ", Known.Select(family => family.ClassName));

    /// <summary>The class, without regard to the fast and the slow variant.</summary>
    public string ClassName => Name + "Tokenizer";

    /// <summary>The family that a checkpoint asks for.</summary>
    /// <param name="className"><c>tokenizer_class</c>; may be missing.</param>
    /// <returns>The family; not a known one if the class is not; <see langword="null"/> if nothing is told.</returns>
    public static TokenizerFamily? Find(string? className)
    {
        if (className is null)
        {
            return null;
        }

        const string generic = "TokenizersBackend"; // the generic class of transformers 5
        const string fast = "Fast";
        const string suffix = "Tokenizer";
        var family = className == generic ? "PreTrained" : className;
        family = family.EndsWith(fast, StringComparison.Ordinal) ? family[..^fast.Length] : family;
        family = family.EndsWith(suffix, StringComparison.Ordinal) ? family[..^suffix.Length] : family;
        return Array.Find(Known, known => known.Name == family) ?? new TokenizerFamily(family, [], IsKnown: false);
    }
}
