using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary><c>vocab.txt</c> with one word piece per line: BERT and its relatives.</summary>
internal sealed class WordPieceFormat : ITokenizerFormat
{
    private const string VocabularyFile = "vocab.txt";

    // Other models have a vocab.txt too but spell words or join texts in another way.
    private static readonly string[] Classes =
        ["Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "LayoutLM", "Lxmert", "RetriBert", "DPRQuestionEncoder", "DPRContextEncoder"];

    /// <inheritdoc/>
    public string Description => $"{VocabularyFile} (WordPiece: BERT, MiniLM, DistilBERT, ELECTRA)";

    /// <inheritdoc/>
    public bool IsIn(CheckpointFiles files) => files.Exists(VocabularyFile);

    /// <inheritdoc/>
    public ITextTokenizer Read(CheckpointFiles files)
    {
        var configuration = new TokenizerConfiguration(files);
        CheckClass(files, configuration.Text("tokenizer_class"));
        using var stream = files.Open(VocabularyFile);
        var vocabulary = new WordPieceVocabulary(stream, files.Description);
        CheckAddedTokens(files, configuration.AddedTokens, vocabulary);

        var standard = new WordPieceSettings();
        return new WordPieceTextTokenizer(vocabulary, new WordPieceSettings
        {
            Lowercase = configuration.Flag("do_lower_case") ?? standard.Lowercase,
            StripAccents = configuration.Flag("strip_accents"),
            SeparateIdeographs = configuration.Flag("tokenize_chinese_chars") ?? standard.SeparateIdeographs,
            UnknownToken = configuration.SpecialToken("unk_token") ?? standard.UnknownToken,
            ClassToken = configuration.SpecialToken("cls_token") ?? standard.ClassToken,
            SeparatorToken = configuration.SpecialToken("sep_token") ?? standard.SeparatorToken,
            PadToken = configuration.SpecialToken("pad_token") ?? standard.PadToken,
            MaskToken = configuration.SpecialToken("mask_token") ?? standard.MaskToken,
            AddedTokens = [.. configuration.AddedTokens.Keys],
        });
    }

    private static void CheckClass(CheckpointFiles files, string? name)
    {
        if (name is null)
        {
            return;
        }

        var family = name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^"Fast".Length] : name;
        if (!Classes.Any(known => family == known + "Tokenizer"))
        {
            throw new InvalidDataException(
                $"tokenizer_config.json of {files.Description} asks for the tokenizer '{name}', which is not supported although there is a {VocabularyFile}. "
                + $"Supported with {VocabularyFile}: {string.Join(", ", Classes.Select(known => known + "Tokenizer"))}. Choose such a model.");
        }
    }

    private static void CheckAddedTokens(
        CheckpointFiles files, IReadOnlyDictionary<string, int> added, WordPieceVocabulary vocabulary)
    {
        foreach (var (token, id) in added)
        {
            if (!vocabulary.TryFind(token, out var known) || known != id)
            {
                throw new InvalidDataException(
                    $"{files.Description} adds the token '{token}' with id {id}, which {VocabularyFile} does not have. "
                    + $"Tokens outside {VocabularyFile} are not supported; choose a model without them.");
            }
        }
    }
}
