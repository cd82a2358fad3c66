using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A model that reads texts.</summary>
/// <param name="Columns">The columns that are read and added.</param>
/// <param name="Scoring">What is predicted.</param>
/// <param name="MaxTokens">Most tokens of a sequence.</param>
/// <param name="AnswersWithText">Whether the network is one that answers with text, so that rows are put into a prompt.</param>
/// <param name="Files">The tokenizer's files.</param>
/// <param name="UsualClass">The tokenizer's class where no file names one.</param>
internal sealed record ServedTexts(
    TextColumns Columns, TextScoring Scoring, int MaxTokens, bool AnswersWithText, IReadOnlyDictionary<string, byte[]> Files, string? UsualClass)
    : ServedModel(Files, UsualClass)
{
    /// <inheritdoc/>
    public override TextColumns Columns { get; } = Columns;

    /// <inheritdoc/>
    public override PredictionFormat Format => Scoring.Format;

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(DataViewSchema input) => Scoring.Outputs(Columns.Target, input);

    /// <summary>Reads the tokenizer.</summary>
    /// <returns>How texts become tokens.</returns>
    /// <exception cref="InvalidDataException">There is no tokenizer in a supported format, or its files are damaged.</exception>
    public TextEncoding ReadEncoding()
    {
        using var files = new MemoryCheckpointFiles(Files, Description);
        return new TextEncoding(Scoring.RowTokenizer(TokenizerFactory.Create(files, UsualClass), AnswersWithText, Columns), MaxTokens);
    }
}
