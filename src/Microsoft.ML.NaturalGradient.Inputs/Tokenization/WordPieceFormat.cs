using Microsoft.ML.NaturalGradient.Checkpoints;
using static Microsoft.ML.NaturalGradient.Tokenization.TokenizerJsonWriter;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary><c>vocab.txt</c> with one word piece per line: BERT and its relatives.</summary>
internal sealed class WordPieceFormat : ITokenizerFormat
{
    /// <summary>The file.</summary>
    public const string VocabularyFile = "vocab.txt";

    /// <inheritdoc/>
    public string Description => $"{VocabularyFile} (WordPiece: BERT, MiniLM, DistilBERT, ELECTRA, MPNet)";

    /// <inheritdoc/>
    public bool IsIn(CheckpointFiles files) => files.Exists(VocabularyFile);

    /// <inheritdoc/>
    public ITextTokenizer Read(CheckpointFiles files, TokenizerConfiguration configuration)
    {
        if (configuration.Family is { } family && !family.Models.Contains("WordPiece"))
        {
            throw new InvalidDataException(
                $"{files.Description} asks for the tokenizer '{family.ClassName}', which is not supported with a {VocabularyFile} alone. "
                + "Add its tokenizer.json, or choose a BERT, DistilBERT or ELECTRA model.");
        }

        using var stream = files.Open(VocabularyFile);
        var vocabulary = new WordPieceVocabulary(stream, files.Description);
        var standard = configuration.Family?.Name == "MPNet" ? WordPieceSettings.MPNet : new WordPieceSettings();
        return Create(vocabulary, $"{VocabularyFile} of {files.Description}", standard with
        {
            Lowercase = configuration.Flag("do_lower_case") ?? standard.Lowercase,
            StripAccents = configuration.Flag("strip_accents"),
            SeparateIdeographs = configuration.Flag("tokenize_chinese_chars") ?? standard.SeparateIdeographs,
            UnknownToken = configuration.SpecialToken("unk_token")?.Content ?? standard.UnknownToken,
            ClassToken = configuration.SpecialToken("cls_token")?.Content ?? standard.ClassToken,
            SeparatorToken = configuration.SpecialToken("sep_token")?.Content ?? standard.SeparatorToken,
            PadToken = configuration.SpecialToken("pad_token")?.Content ?? standard.PadToken,
            MaskToken = configuration.SpecialToken("mask_token")?.Content ?? standard.MaskToken,
            AddedTokens = configuration.AddedTokens,
            FurtherSpecialTokens = configuration.FurtherSpecialTokens,
            HasTypeIds = configuration.HasTypeIds,
            MaxTokens = configuration.MaxTokens,
        });
    }

    /// <summary>BERT's tokenizer of a vocabulary: <c>[CLS] text [SEP]</c> or <c>[CLS] text [SEP] pair [SEP]</c>, in word pieces; MPNet's alike.</summary>
    /// <param name="vocabulary">The pieces.</param>
    /// <param name="description">The file that holds them, in words for error messages.</param>
    /// <param name="settings">Text cleaning and names of the special tokens.</param>
    /// <exception cref="InvalidDataException">A special token is not in the vocabulary.</exception>
    public static TextTokenizer Create(WordPieceVocabulary vocabulary, string description, WordPieceSettings settings)
    {
        var tokens = new AddedTokenTable(vocabulary.Ids, description);
        tokens.Extend(settings.AddedTokens);
        var classId = tokens.Add(new AddedToken(settings.ClassToken), "cls_token");
        var separatorId = tokens.Add(new AddedToken(settings.SeparatorToken), "sep_token");
        var padId = tokens.Add(new AddedToken(settings.PadToken), "pad_token");
        _ = tokens.Add(new AddedToken(settings.UnknownToken), "unk_token");
        _ = tokens.TryAdd(new AddedToken(settings.MaskToken));
        tokens.AddOrAppend(settings.FurtherSpecialTokens);

        var template = settings.SeparatesTwice ? SequenceTemplate.Roberta(classId, separatorId) : SequenceTemplate.Bert(classId, separatorId);
        var cleaning = new BertNormalizer(settings.Lowercase, settings.StripAccents ?? settings.Lowercase, settings.SeparateIdeographs);
        return new TextTokenizer(new TextTokenizerParts
        {
            Cleaning = cleaning.Cleaning,
            Model = WordPieceModel.Create(vocabulary, settings.UnknownToken),
            AddedTokens = tokens.Tokens,
            Template = settings.HasTypeIds ? template : template.WithoutTypeIds(),
            VocabularySize = tokens.Size,
            PadId = padId,
            MaxTokens = settings.MaxTokens,
            Json = new TokenizerJsonParts(
                Component("BertNormalizer", ("clean_text", true), ("handle_chinese_chars", settings.SeparateIdeographs), ("strip_accents", settings.StripAccents), ("lowercase", settings.Lowercase)),
                Component("BertPreTokenizer"),
                () => Component(
                    "WordPiece", ("unk_token", settings.UnknownToken), ("continuing_subword_prefix", "##"), ("max_input_chars_per_word", WordPieceModel.LongestWord),
                    ("vocab", Vocabulary(vocabulary.Ids)))),
        });
    }
}
