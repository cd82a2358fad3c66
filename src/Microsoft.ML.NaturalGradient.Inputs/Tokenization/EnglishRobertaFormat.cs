using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary><c>encoder.json</c>, <c>vocab.bpe</c> and <c>dict.txt</c>: the tokenizer that ML.NET's own models of text were trained with.</summary>
/// <remarks>
/// GPT-2's words and merges, with ML.NET's three differences from RoBERTa in Python, since a network has to read what it was trained on: a letter up to
/// U+00FF stands for the byte of its number, not for its UTF-8 bytes, and all others are left out; ids are those of <see cref="OccurrenceRanks"/>; no
/// special token is recognised in a text. Equal to <see cref="EnglishRobertaTokenizer"/> of Microsoft.ML.Tokenizers 2.0 with
/// <c>ConvertIdsToOccurrenceRanks</c>, which takes time that grows with the square of a word's length or worse.
/// </remarks>
internal sealed class EnglishRobertaFormat : ITokenizerFormat
{
    private const string PiecesFile = "encoder.json";
    private const string MergesFile = "vocab.bpe";
    private const string RanksFile = "dict.txt";
    private const int MostBytes = 256;

    /// <inheritdoc/>
    public string Description => $"{PiecesFile} with {MergesFile} and {RanksFile} (ML.NET's own models)";

    /// <inheritdoc/>
    public bool IsIn(CheckpointFiles files) => files.Exists(PiecesFile) && files.Exists(MergesFile) && files.Exists(RanksFile);

    /// <inheritdoc/>
    public ITextTokenizer Read(CheckpointFiles files, TokenizerConfiguration configuration)
    {
        var merges = BytePairFiles.Merges(files, MergesFile);
        var model = new BytePairModel(BytePairFiles.Vocabulary(files, PiecesFile), merges, $"{MergesFile} of {files.Description}");
        var ranks = OccurrenceRanks.Read(files, RanksFile);
        return new TextTokenizer(new TextTokenizerParts
        {
            Model = new PieceModel(null, RobertaPreTokenizer.Instance, word => Array.ConvertAll([.. model.Spell(Bytes(word))], ranks.Of)),
            AddedTokens = [],
            Template = configuration.Family?.Name switch
            {
                "NasBert" => SequenceTemplate.NasBert(OccurrenceRanks.BeginId, OccurrenceRanks.SeparatorId),
                "EnglishRoberta" => SequenceTemplate.EnglishRoberta(OccurrenceRanks.BeginId, OccurrenceRanks.SeparatorId),
                _ => throw new InvalidDataException(
                    $"{files.Description} has {PiecesFile}, {MergesFile} and {RanksFile}, but {Asked(configuration.Family)}. "
                    + "Supported with these files: NasBertTokenizer, EnglishRobertaTokenizer. Name the right one as \"tokenizer_class\" in tokenizer_config.json."),
            },
            VocabularySize = ranks.Count,
            PadId = OccurrenceRanks.PadId,
            MaxTokens = configuration.MaxTokens,
        });
    }

    private static byte[] Bytes(string word) => [.. word.Where(letter => letter < MostBytes).Select(letter => (byte)letter)];

    private static string Asked(TokenizerFamily? family) =>
        family is null ? "no file says which tokenizer they belong to" : $"asks for the tokenizer '{family.ClassName}'";
}
