using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A SentencePiece model file of type unigram: T5, ALBERT, XLM-RoBERTa, CamemBERT, DeBERTa-v2 and v3.</summary>
/// <remarks>
/// Text is cleaned and ids are given as Hugging Face's fast tokenizers of these models do when they are converted from the file. As there,
/// pieces for bytes (<c>byte_fallback</c>) are not used: a character that cannot be spelled is unknown. Symbols that the model's maker defined
/// (ALBERT's full stop) are pieces like others, as in SentencePiece and in ALBERT's published tokenizer.json; newer conversions split texts at them.
/// </remarks>
internal sealed class SentencePieceFormat : ITokenizerFormat
{
    private const string Supported = "T5Tokenizer, MT5Tokenizer, AlbertTokenizer, XLMRobertaTokenizer, CamembertTokenizer, DebertaV2Tokenizer";

    private static readonly string[] FileNames = ["spiece.model", "sentencepiece.bpe.model", "spm.model"];

    // What fairseq puts before the pieces of the file, with scores; what is not used in CamemBERT's stays whole in a text too.
    private static readonly (string Piece, double Score)[] Specials = [("<s>", 0), ("<pad>", 0), ("</s>", 0), ("<unk>", 0)];

    private static readonly (string Piece, double Score)[] CamembertSpecials =
        [("<s>NOTUSED", 0), ("<pad>", 0), ("</s>NOTUSED", 0), ("<unk>", 0), ("<unk>NOTUSED", -100)];

    /// <inheritdoc/>
    public string Description => $"{string.Join(", ", FileNames)} (unigram: T5, ALBERT, XLM-RoBERTa, CamemBERT, DeBERTa-v2/v3)";

    /// <inheritdoc/>
    public bool IsIn(CheckpointFiles files) => Array.Exists(FileNames, files.Exists);

    /// <inheritdoc/>
    public ITextTokenizer Read(CheckpointFiles files, TokenizerConfiguration configuration)
    {
        var name = Array.Find(FileNames, files.Exists)!;
        var description = $"{name} of {files.Description}";
        using var stream = files.Open(name);
        var model = new SentencePieceFile(stream, description);
        return configuration.Family?.Name switch
        {
            "T5" or "MT5" => T5(model, configuration, description),
            "Albert" => Albert(model, configuration, description),
            "XLMRoberta" => Fairseq(model, Specials, replaced: 3, configuration, description),
            "Camembert" => Fairseq(model, CamembertSpecials, replaced: 1, configuration, description),
            "DebertaV2" => Deberta(model, configuration, description),
            null => throw new InvalidDataException(
                $"{files.Description} has {name}, but no file says which tokenizer it belongs to. Supported: {Supported}. "
                + "Name one of them as \"tokenizer_class\" in tokenizer_config.json, or add the model's config.json."),
            _ => throw new InvalidDataException(
                $"{files.Description} asks for the tokenizer '{configuration.Family.ClassName}', which is not supported with {name} alone. "
                + $"Supported: {Supported}. Add the model's tokenizer.json, or choose such a model."),
        };
    }

    private static TextTokenizer T5(SentencePieceFile model, TokenizerConfiguration configuration, string description)
    {
        // Masks of T5's pretraining, numbered from the end of the vocabulary.
        var extra = Enumerable.Range(0, configuration.Count("extra_ids") ?? 100).Reverse().Select(n => ($"<extra_id_{n}>", 0.0)).ToArray();
        var builder = new SentencePieceBuilder(model, [.. Pieces(model), .. extra], model.UnknownId, configuration, description);
        foreach (var (token, _) in extra)
        {
            _ = builder.Tokens.TryAdd(new AddedToken(token));
        }

        var endId = builder.Special("eos_token", "</s>");
        _ = builder.Special("unk_token", "<unk>");
        return builder.Build(TrimmedAtEnd(model, description), SequenceTemplate.EndAfterEach(endId), builder.Special("pad_token", "<pad>"));
    }

    private static TextTokenizer Albert(SentencePieceFile model, TokenizerConfiguration configuration, string description)
    {
        // ALBERT keeps a number and the comma after it apart: pieces like "5," are made too improbable to be used.
        var pieces = Pieces(model).Select(entry =>
            entry.Piece is [.., var digit, ','] && char.IsDigit(digit) ? (entry.Piece, entry.Score - 100) : entry);
        List<CleaningStep> cleaning = [CleaningStep.Replaced("``", "\""), CleaningStep.Replaced("''", "\"")];
        if (!(configuration.Flag("keep_accents") ?? false))
        {
            cleaning.AddRange([CleaningStep.Decomposed, CleaningStep.WithoutMarks]);
        }

        if (configuration.Flag("do_lower_case") ?? true)
        {
            cleaning.Add(CleaningStep.Lower);
        }

        cleaning.AddRange(Map(model, description));
        cleaning.Add(CleaningStep.SpacesReplaced(" "));
        var builder = new SentencePieceBuilder(model, [.. pieces], model.UnknownId, configuration, description);
        builder.Mask("[MASK]", takesSpace: true);
        return Bert(builder, cleaning, "<pad>", "<unk>");
    }

    private static TextTokenizer Deberta(SentencePieceFile model, TokenizerConfiguration configuration, string description)
    {
        if (configuration.Flag("split_by_punct") ?? false)
        {
            throw new InvalidDataException(
                $"tokenizer_config.json beside {description} sets split_by_punct, which is not supported. Choose a model without it.");
        }

        List<CleaningStep> cleaning = configuration.Flag("do_lower_case") ?? false ? [CleaningStep.Lower] : [];
        cleaning.AddRange([CleaningStep.Trimmed, .. Map(model, description), CleaningStep.SpacesReplaced(" ")]);
        var builder = new SentencePieceBuilder(model, [.. Pieces(model)], model.UnknownId, configuration, description);
        builder.Mask("[MASK]", takesSpace: false, append: true);
        return Bert(builder, cleaning, "[PAD]", "[UNK]");
    }

    private static TextTokenizer Bert(SentencePieceBuilder builder, List<CleaningStep> cleaning, string pad, string unknown)
    {
        var classId = builder.Special("cls_token", "[CLS]");
        var separatorId = builder.Special("sep_token", "[SEP]");
        _ = builder.Special("unk_token", unknown);
        return builder.Build(cleaning, SequenceTemplate.Bert(classId, separatorId), builder.Special("pad_token", pad));
    }

    // fairseq's ids: special tokens in place of the first pieces of the file, so that the others are moved, and the mask last.
    private static TextTokenizer Fairseq(
        SentencePieceFile model, (string Piece, double Score)[] specials, int replaced, TokenizerConfiguration configuration, string description)
    {
        string[] first = [.. model.Pieces.Take(3).Select(piece => piece.Piece)];
        if (first is not ["<unk>", "<s>", "</s>"])
        {
            throw new InvalidDataException(
                $"{description} begins with the pieces {string.Join(", ", first)} instead of <unk>, <s>, </s>, so its ids cannot be those of {configuration.Family!.Name}. "
                + "Use the file that belongs to the model.");
        }

        const int unknownId = 3;
        var builder = new SentencePieceBuilder(model, [.. specials, .. Pieces(model).Skip(replaced), ("<mask>", 0)], unknownId, configuration, description);
        builder.Mask("<mask>", takesSpace: true);
        var template = SequenceTemplate.Roberta(builder.Special("cls_token", "<s>"), builder.Special("sep_token", "</s>"));
        _ = builder.Special("unk_token", "<unk>");
        foreach (var (unused, _) in specials.Where(special => special.Piece.EndsWith("NOTUSED", StringComparison.Ordinal)))
        {
            _ = builder.Tokens.TryAdd(new AddedToken(unused));
        }

        return builder.Build(TrimmedAtEnd(model, description), template, builder.Special("pad_token", "<pad>"));
    }

    private static IEnumerable<(string Piece, double Score)> Pieces(SentencePieceFile model) =>
        model.Pieces.Select(piece => (piece.Piece, (double)piece.Score));

    private static IEnumerable<CleaningStep> Map(SentencePieceFile model, string description) => CleaningStep.Mapped(model.CharacterMap, description);

    private static List<CleaningStep> TrimmedAtEnd(SentencePieceFile model, string description) =>
        [.. Map(model, description), CleaningStep.TrimmedAtEnd, CleaningStep.SpacesReplaced(MetaspacePreTokenizer.Space.ToString())];
}
